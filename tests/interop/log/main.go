// Checks a log with Go's own packages for transparency logs: signed notes, inclusion of every record, growth.
//
// Reads one JSON document from standard input, see test_log.py; prints "ok" or what does not hold. A document that names
// a copy is about that alone: the log as C2SP tlog-tiles, read through Go's own reader of tiles.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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
	Copy    string
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
	if given.Copy != "" {
		return checkCopy(given.Copy, given.Vkey)
	}
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

// copied reads tiles from a directory. Go's names for them have their height in front, those of C2SP do not.
type copied string

func (dir copied) Height() int { return 8 }

func (dir copied) SaveTiles([]tlog.Tile, [][]byte) {}

func (dir copied) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		content, err := dir.file("tile/", tile)
		if err != nil {
			return nil, err
		}
		read = append(read, content)
	}
	return read, nil
}

func (dir copied) file(first string, tile tlog.Tile) ([]byte, error) {
	_, name, _ := strings.Cut(tile.Path(), "tile/8/")
	if first != "tile/" {
		_, name, _ = strings.Cut(name, "/")
	}
	return os.ReadFile(filepath.Join(string(dir), first+name))
}

func checkCopy(dir, vkey string) error {
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	newest, err := open(string(text), vkey)
	if err != nil {
		return err
	}
	var indexes []int64
	for seq := int64(0); seq < newest.size; seq++ {
		indexes = append(indexes, tlog.StoredHashIndex(0, seq))
	}
	leaves, err := tlog.TileHashReader(tlog.Tree{N: newest.size, Hash: newest.root}, copied(dir)).ReadHashes(indexes)
	if err != nil {
		return err
	}
	for first := int64(0); first < newest.size; first += 256 {
		width := newest.size - first
		if width > 256 {
			width = 256
		}
		bundle, err := copied(dir).file("tile/entries/", tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)})
		if err != nil {
			return err
		}
		for _, leaf := range leaves[first : first+width] {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("the records from %d on end too soon", first)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != leaf {
				return fmt.Errorf("a record from %d on is not that of its hash", first)
			}
			bundle = bundle[end:]
		}
		if len(bundle) > 0 {
			return fmt.Errorf("more records than hashes from %d on", first)
		}
	}
	return nil
}
