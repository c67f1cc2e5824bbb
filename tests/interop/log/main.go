// Checks a log with Go's own packages for transparency logs: signed notes, inclusion of every record, growth.
//
// Reads one JSON document from standard input, see test_log.py; prints "ok" or what does not hold.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type record struct {
	Seq  int64
	Body []byte
	Path []string
}

type log struct {
	Vkey    string
	Held    string
	Newest  string
	Growth  []string
	Records []record
}

type checkpoint struct {
	size int64
	root tlog.Hash
}

func main() {
	var given log
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := check(given); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("ok")
}

func check(given log) error {
	held, err := open(given.Held, given.Vkey)
	if err != nil {
		return err
	}
	newest, err := open(given.Newest, given.Vkey)
	if err != nil {
		return err
	}
	growth, err := hashes(given.Growth)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(growth, newest.size, newest.root, held.size, held.root); err != nil {
		return fmt.Errorf("growth: %w", err)
	}
	if int64(len(given.Records)) != newest.size {
		return fmt.Errorf("%d records under a checkpoint of %d", len(given.Records), newest.size)
	}
	for _, one := range given.Records {
		path, err := hashes(one.Path)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(path, newest.size, newest.root, one.Seq, tlog.RecordHash(one.Body)); err != nil {
			return fmt.Errorf("record %d: %w", one.Seq, err)
		}
	}
	return nil
}

func open(text, vkey string) (checkpoint, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return checkpoint{}, err
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return checkpoint{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return checkpoint{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return checkpoint{size, root}, err
}

func hashes(texts []string) ([]tlog.Hash, error) {
	var parsed []tlog.Hash
	for _, text := range texts {
		hash, err := tlog.ParseHash(text)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, hash)
	}
	return parsed, nil
}
