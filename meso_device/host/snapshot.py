"""What the screen is shown and what it may ask for: the bodies of every message between host and screen.

Integers only, units last in their names; ``_us`` without more is a UTC time. null stands for "not known", never 0.
A string that has no value is empty. Frames are in `meso_device.screen_messages`.

**WELCOME**, once, in answer to HELLO::

    version         1
    simulated       the gun was started with the console and is a simulated one
    enrolled        somebody is enrolled here; false: the first administrator is created by ENROL
    treatments      [{name, title, version, status, points, volume_nl}] that OPEN takes
    reset_reasons   [{code, text}] that RESET_CONFIRM takes
    roles           [role] that ENROL takes

**SNAPSHOT**, at most ten a second, the newest wins; it is the whole state::

    v               1
    no              ascending
    mono_us         host's monotonic time of this state: everything relative counts from here
    utc_us          the same as a label
    simulated       the gun says so, or was started with the console
    port            name of the port
    link            down | connecting | reconciling | up
    phase           a value of `Phase`: no session | unconfirmed | ready | arming | armed | estopped | fault | locked |
                    closing | closed
    gun             null before HELLO; else {uid, serial, model, firmware, boot_id, level ("A", "B", "C"), authenticated,
                    state (BOOT | SAFE | ARMED | MOVING | SERVICE | ESTOPPED | FAULT), trigger, contact, cartridge
                    (booleans), round_trip_us|null, battery_pct|null, temp_cdegc|null, needle_um|null, pressure_pa|null,
                    plunger_force_dn|null, trigger_count|null, log_free|null, bad_frames, retries, resets}
    operator        null; else {login, role}; role "practice" while nobody has signed in and none is needed
    enrolled        somebody is enrolled here
    session         null; else {id, alias, title, version, status, practice, state (open | complete | interrupted |
                    refused), opened_us, confirmed}
    resume          null; else the session that an earlier run left open: {id, alias, title, practice, opened_us,
                    planned, given, copied}; copied are the records that its gun told of since, 0 before it was read
    area            {id, code, short} selected or armed; null if none
    areas           in the order of treatment: [{id, code, short, depth_um, dose_nl, read_back_depth_um|null,
                    read_back_dose_nl|null, points, passes, planned, given, unknown, interrupted, dose_lo_nl, dose_hi_nl,
                    held_nl, cap_nl}]; planned is points times passes, unknown the shots that may still have been made
    credit          {shots, nl, lease_left_ms|null} as the gun last said
    held            {shots, nl} that open grants may still cost
    unknown         null; else {shots, nl, area, since_us}: what is not proven, and where
    caps            [{name, given_nl, held_nl, limit_nl}], the session's first, then the area's if one is selected
    log             {state (SYNCED | BEHIND n | UNKNOWN | a finding's name), head_seq, committed_seq, write_failed}
    alarms          at most 50, highest first and newest first within: [{no, mark (*** | ** | *), code, name, text, area,
                    at_us, state (active | cleared), by (login or empty), acknowledged_us|null, count}]
    silenced_s      seconds that the bell still is silent; 0 otherwise
    tail            newest 6 shots, newest first: [{shot_seq, at_us, area (short), depth_um, dose_lo_nl, dose_hi_nl,
                    planned_nl, phase (DONE | ABORTED | INTERRUPTED), reason}]; only what is durable
    findings        [{code, text}] that forbid a grant
    blocked         [code] of rules that stood against the newest arming
    stop            {latched, unheard, pressed_ms_ago|null, answered_ms|null, by}; null and empty while none was pressed
    disarm_in_s     seconds until the idle arming ends; null while not armed
    notice          null; else the newest line for the operator {no, kind (info | refused | unknown | alarm), text, at_us}
    notices         the newest 20 of these, oldest first
    can             {command in lower case: "" where it may be asked for now, else why not, in one line}; of sign_in, lock,
                    enrol, open, resume, abandon, confirm, arm_open, disarm, reset_open, clear_fault, write_off, finish,
                    page, quit. The host judges again.

**ANSWER**, id of the command, exactly one for each but ALIVE (a repeated id gets the first answer again)::

    outcome         done | refused | unknown
    code            word for programs where refused; else empty
    text            one line for people; may be empty where done
    and what the command says below

**PAGE** (to the screen), id of the command: ``rows``, ``next`` (cursor of the page behind, null at the end), ``head``
(newest record). **BYE**: ``reason``, one line, ``status``.

Commands and their fields; every one is checked by the host, unknown or missing fields end the screen::

    HELLO           version                      must be first
    ALIVE           count                        five a second, made by the screen's own loop; never answered
    STOP            by (key | button | palette)  at once, from anybody
    SIGN_IN         login, pin                   done: {login, role}; takes up to a second
    LOCK            -                            disarms and signs out
    ENROL           login, name, pin, roles      the first operator, an administrator (roles besides: [role])
    OPEN            treatment                    a practice session of a treatment by name, on a simulated gun
    RESUME          -                            takes the open session up; then CONFIRM
    ABANDON         -                            closes the open session as interrupted; refused while anything is unknown
    CONFIRM         -                            the operator has seen the state and goes on
    ARM_OPEN        area                         id of the area; done: {token, expires_ms, area, short, depth_um, dose_nl,
                                                 shots, nl, given, planned, warnings [text]}
    ARM_CONFIRM     token, typed                 typed: the area's short code; done when the gun is armed
    DISARM          cause                        a word: pause, key, focus, screen, modal, size, alarm, lock
    RESET_OPEN      -                            done: {token, expires_ms}
    RESET_CONFIRM   token, typed, reason         typed: RESET; reason: a code of WELCOME
    CLEAR_FAULT     -                            acknowledges the gun's faults where their causes are gone
    WRITE_OFF       reason, pin, login2, pin2    two people, the first is the one signed in
    ACKNOWLEDGE     no                           an alarm by number; 0 for all
    SILENCE         -                            bell off for 60 s
    FINISH          -                            closes the session with its totals
    PAGE            cursor|null, limit (1-200), session|null, area|null, deviations (boolean)
    RECORD          seq                          done: {seq, kind, body (text), leaf, root}
    QUIT            -                            refused while armed; done: the host ends
"""
