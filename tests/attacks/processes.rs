//! Attacks by how a process lives.

use crate::attack::Deed::{Hosts, Lives, Writes};
use crate::attack::{Act, Attack, attack};

pub const ATTACKS: &[Attack] = &[
    attack("SIGTERM is ignored", Lives("trap '' TERM INT HUP; $SERVER; exec sleep 300"), &[0]),
    attack("the end of input is ignored", Lives("$SERVER; exec sleep 300"), &[0]),
    attack("50 children", Lives("for n in $(seq 50); do sleep 300 & done; exec $SERVER"), &[0]),
    attack(
        "a grandchild in a session of its own",
        Lives("(setsid sleep 300 </dev/null >/dev/null 2>&1 &); exec $SERVER"),
        &[0],
    ),
    attack(
        "a grandchild in a session of its own that holds the output",
        Lives("(setsid sleep 300 &); exec $SERVER"),
        &[0],
    ),
    attack("a child holds the output after the end", Lives("sleep 300 & exit 1"), &[3]),
    attack("it stops itself", Lives("kill -STOP $$"), &[3]),
    attack("it closes its input", Lives("exec <&-; sleep 300"), &[3]),
    attack("it closes its output", Lives("exec >&-; sleep 300"), &[3]),
    attack(
        "it closes its output later",
        Writes(|asked| if asked.method == "tools/list" { Act::Close } else { Act::Well }),
        &[1],
    ),
    attack("it ends at once", Lives("exit 0"), &[3]),
    attack("it ends by a signal", Lives("kill -SEGV $$"), &[3]),
    attack(
        "it ends at each list",
        Writes(|asked| if asked.method == "tools/list" { Act::Exit } else { Act::Well }),
        &[1],
    ),
    attack("endless standard error", Lives("yes >&2 & exec $SERVER"), &[0]),
    attack("endless standard error without lines", Lives("tr '\\0' x </dev/zero >&2 & exec $SERVER"), &[0]),
    attack("it never listens", Hosts("sleep 300"), &[3]),
    attack("it never listens and talks without end", Hosts("yes & yes >&2; sleep 300"), &[3]),
    attack(
        "it never listens, and a grandchild is in a session of its own",
        Hosts("(setsid sleep 300 &); sleep 300"),
        &[3],
    ),
];
