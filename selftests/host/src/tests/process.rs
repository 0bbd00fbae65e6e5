// SPDX-License-Identifier: GPL-2.0

//! Process events: their format, their listeners, the hooks that they need.

use crate::{
    event::{Event, Kinds, Listener, Losses, Operation, Refused, Task, Wire},
    hook::{Demand, Hook, Hooks, IDLE_NS, UNPRIVILEGED_IDLE_NS},
};
use proptest::prelude::*;
use zerocopy::IntoBytes as _;

const A: Task = Task { pid: 2, tgid: 1 };
const B: Task = Task { pid: 4, tgid: 3 };

const EXIT: Event = Event::Exits {
    task: A,
    code: 0x100,
    signal: 17,
    parent: B,
};

/// One of each kind.
const EVENTS: [Event; 11] = [
    Event::Acknowledged { error: 22 },
    Event::Forked {
        parent: A,
        child: B,
    },
    Event::Executed { task: A },
    Event::UidChanged {
        task: A,
        real: 5,
        effective: 6,
    },
    Event::GidChanged {
        task: A,
        real: 5,
        effective: 6,
    },
    Event::SessionBegun { task: A },
    Event::Traced { task: A, tracer: B },
    Event::Renamed {
        task: A,
        name: *b"a name of bytes\0",
    },
    Event::DumpsCore { task: A, parent: B },
    EXIT,
    Event::Exits {
        task: A,
        code: 0,
        signal: u32::MAX,
        parent: B,
    },
];

fn words(event: &Event) -> [u32; 6] {
    event.wire(0, 0).data
}

#[test]
fn header_of_an_event() {
    let wire = EXIT.wire(3, 0x1122_3344_5566_7788);
    let bytes = wire.as_bytes();
    assert_eq!(bytes.len(), 40);
    assert_eq!(bytes[0..4], 0x8000_0000u32.to_ne_bytes());
    assert_eq!(bytes[4..8], 3u32.to_ne_bytes());
    assert_eq!(bytes[8..16], 0x1122_3344_5566_7788u64.to_ne_bytes());
    assert_eq!(bytes[16..20], 2u32.to_ne_bytes());
}

#[test]
fn data_of_each_kind() {
    let expected = [
        [22, 0, 0, 0, 0, 0],
        [2, 1, 4, 3, 0, 0],
        [2, 1, 0, 0, 0, 0],
        [2, 1, 5, 6, 0, 0],
        [2, 1, 5, 6, 0, 0],
        [2, 1, 0, 0, 0, 0],
        [2, 1, 4, 3, 0, 0],
    ];
    for (event, data) in EVENTS.iter().zip(expected) {
        assert_eq!(words(event), data, "{event:?}");
    }
    assert_eq!(words(&EVENTS[8]), [2, 1, 4, 3, 0, 0]);
    assert_eq!(words(&EVENTS[9]), [2, 1, 0x100, 17, 4, 3]);
    let wire = EVENTS[7].wire(0, 0);
    assert_eq!(&wire.as_bytes()[24..40], b"a name of bytes\0");
}

#[test]
fn kind_of_each_event() {
    let bits = [
        0,
        1,
        2,
        4,
        0x40,
        0x80,
        0x100,
        0x200,
        0x4000_0000,
        0x8000_0000,
        0x8000_0000,
    ];
    for (event, bits) in EVENTS.iter().zip(bits) {
        assert_eq!(event.kind().bits(), bits, "{event:?}");
        assert_eq!(event.wire(0, 0).what, bits, "{event:?}");
    }
}

#[test]
fn names_with_all_bytes_are_kept() {
    let name = *b"123456789abcdef\0";
    let Wire { data, .. } = Event::Renamed { task: A, name }.wire(0, 0);
    assert_eq!(data.as_bytes()[8..], name);
}

#[test]
fn failure_is_wanted_by_who_asks_for_failures() {
    let failures = Kinds::NONZERO_EXIT;
    for event in &EVENTS {
        assert_eq!(failures.want(event), *event == EXIT, "{event:?}");
    }
    assert!(Kinds::EXIT.want(&EXIT) && Kinds::EXIT.want(&EVENTS[10]));
}

#[test]
fn everything_is_wanted_by_who_asks_for_all() {
    for event in &EVENTS[1..] {
        assert!(Kinds::ALL.want(event), "{event:?}");
        assert!(!Kinds::NONE.want(event), "{event:?}");
    }
}

#[test]
fn operations() {
    let read = |words: &[u32]| Operation::read(words.as_bytes());
    assert_eq!(read(&[1]), Ok(Operation::Listen(Kinds::ALL)));
    assert_eq!(read(&[2]), Ok(Operation::Ignore));
    assert_eq!(read(&[1, 0]), Ok(Operation::Listen(Kinds::ALL)));
    assert_eq!(read(&[1, 2]), Ok(Operation::Listen(Kinds::EXEC)));
    assert_eq!(read(&[2, 2]), Ok(Operation::Ignore));
    assert_eq!(read(&[1, 0x402]), Ok(Operation::Listen(Kinds::EXEC)));
    assert_eq!(read(&[1, 0x400]), Ok(Operation::Listen(Kinds::ALL)));
    for unknown in [0, 3, u32::MAX, 0x0100_0000] {
        assert_eq!(read(&[unknown]), Err(Refused::Operation));
        assert_eq!(read(&[unknown, 1]), Err(Refused::Operation));
    }
}

proptest! {
    #[test]
    fn other_lengths_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assume!(bytes.len() != 4 && bytes.len() != 8);
        prop_assert_eq!(Operation::read(&bytes), Err(Refused::Length));
    }

    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..=8)) {
        if let Ok(Operation::Listen(kinds)) = Operation::read(&bytes) {
            prop_assert_ne!(kinds, Kinds::NONE);
            prop_assert_eq!(kinds.bits() & !Kinds::ALL.bits(), 0);
        }
    }

    #[test]
    fn whatever_is_wanted_has_its_hook(bits in any::<u32>()) {
        let kinds = Kinds::from_bits(bits);
        let hooks = Hooks::for_kinds(kinds);
        for event in &EVENTS[1..] {
            let hook = Hook::ALL.into_iter().find(|hook| hook.kinds().has(event.kind())).unwrap();
            if kinds.want(event) {
                prop_assert!(hooks.iter().any(|one| one == hook));
            }
        }
        for hook in hooks.iter() {
            prop_assert!(kinds.has(hook.kinds()));
        }
    }
}

#[test]
fn what_is_in_both_sets_is_in_their_union() {
    let both = Kinds::FORK.with(Kinds::EXEC);
    assert_eq!(both.with(Kinds::EXEC), both);
    assert_eq!(both.with(both), both);
}

#[test]
fn sets_of_hooks() {
    let mut hooks = Hooks::NONE;
    assert_eq!(hooks.iter().count(), 0);
    hooks.add(Hook::Exec);
    hooks.add(Hook::Coredump);
    hooks.add(Hook::Coredump);
    assert_eq!(
        hooks.iter().collect::<Vec<_>>(),
        [Hook::Exec, Hook::Coredump]
    );
    assert_eq!(Hooks::ALL.without(hooks).iter().count(), 6);
    assert_eq!(Hooks::ALL.and(hooks), hooks);
    hooks.remove(Hook::Exec);
    assert_eq!(hooks.iter().collect::<Vec<_>>(), [Hook::Coredump]);
}

#[test]
fn hooks_in_words() {
    let mut text = String::new();
    Hooks::ALL.describe(&mut text).unwrap();
    assert_eq!(text, "fork exec exit comm uid gid sid ptrace coredump");
    text.clear();
    Hooks::for_kinds(Kinds::FORK.with(Kinds::EXEC))
        .describe(&mut text)
        .unwrap();
    assert_eq!(
        text,
        "fork exec; not on this kernel: exit comm uid gid sid ptrace coredump"
    );
}

#[test]
fn listener_gets_the_kinds_of_its_last_request() {
    let losses = Losses::default();
    let mut listener = Listener::new(1);
    assert!(!listener.take(&EVENTS[2]));
    listener.begin(Kinds::EXEC, &losses);
    assert!(listener.take(&EVENTS[2]) && !listener.take(&EXIT));
    listener.begin(Kinds::EXIT, &losses);
    assert!(!listener.take(&EVENTS[2]) && listener.take(&EXIT));
    assert_eq!(listener.sent, 2);
}

#[test]
fn losses_are_those_of_what_it_wants_from_when_it_wants_it() {
    let mut losses = Losses::default();
    losses.count(&EVENTS[2]);
    let mut listener = Listener::new(1);
    assert_eq!(listener.no_memory(&losses), 0);
    listener.begin(Kinds::EXEC, &losses);
    assert_eq!(listener.no_memory(&losses), 0);
    losses.count(&EXIT);
    losses.count(&EVENTS[2]);
    losses.count(&EVENTS[2]);
    assert_eq!(listener.no_memory(&losses), 2);
    listener.begin(Kinds::EXIT, &losses);
    losses.count(&EVENTS[2]);
    assert_eq!(listener.no_memory(&losses), 2);
    losses.count(&EXIT);
    assert_eq!(listener.no_memory(&losses), 3);
}

/// An end with a status is of two kinds, and a listener to both loses it once.
#[test]
fn losses_of_ends() {
    let ended_well = EVENTS[10];
    let mut losses = Losses::default();
    let mut listeners = [Kinds::EXIT, Kinds::NONZERO_EXIT, Kinds::ALL].map(|kinds| {
        let mut listener = Listener::new(1);
        listener.begin(kinds, &Losses::default());
        listener
    });
    for event in [EXIT, ended_well] {
        losses.count(&event);
    }
    assert_eq!(
        listeners.map(|listener| listener.no_memory(&losses)),
        [2, 1, 2]
    );
    for listener in &mut listeners {
        assert!(listener.take(&EXIT));
    }
}

/// As the tree of listeners does it, which this cannot hold.
fn expected(listeners: &[Kinds]) -> Kinds {
    listeners
        .iter()
        .fold(Kinds::NONE, |all, kinds| all.with(*kinds))
}

proptest! {
    /// The counts equal those of a walk over all listeners.
    #[test]
    fn counts_are_what_listeners_want(
        changes in proptest::collection::vec((0usize..5, any::<u32>(), any::<bool>()), 0..60),
    ) {
        let mut demand = Demand::new(Hooks::ALL);
        let mut listeners = [Kinds::NONE; 5];
        for hook in Hook::ALL {
            demand.add_attached(hook, 0);
        }
        for (which, bits, leaves) in changes {
            let to = if leaves { Kinds::NONE } else { Kinds::from_bits(bits) };
            let before = Hooks::for_kinds(expected(&listeners));
            let idle = demand.change(listeners[which], to, false, 0);
            listeners[which] = to;
            let wanted = expected(&listeners);
            prop_assert_eq!(demand.wanted(), wanted);
            prop_assert_eq!(idle, !before.without(Hooks::for_kinds(wanted)).is_empty());
        }
        let (taken, next) = demand.take_idle(IDLE_NS);
        prop_assert_eq!(taken, Hooks::ALL.without(Hooks::for_kinds(expected(&listeners))));
        prop_assert_eq!(next, None);
        prop_assert_eq!(demand.attached(), Hooks::for_kinds(expected(&listeners)));
    }
}

fn only(hook: Hook) -> Hooks {
    let mut hooks = Hooks::NONE;
    hooks.add(hook);
    hooks
}

#[test]
fn hooks_are_lacking_until_they_are_attached() {
    let mut demand = Demand::new(Hooks::ALL.without(only(Hook::Sid)));
    let both = Kinds::EXEC.with(Kinds::SID);
    assert_eq!(demand.lacking(both), only(Hook::Exec));
    demand.add_attached(Hook::Exec, 0);
    assert!(demand.lacking(both).is_empty());
    assert_eq!(demand.lacking(Kinds::COMM), only(Hook::Comm));
    demand.remove_available(Hook::Comm);
    assert!(demand.lacking(Kinds::COMM).is_empty());
    assert_eq!(demand.take_all(), only(Hook::Exec));
    assert_eq!(demand.lacking(both), only(Hook::Exec));
}

#[test]
fn hooks_stay_for_a_while() {
    let mut demand = Demand::new(Hooks::ALL);
    demand.add_attached(Hook::Exec, 0);
    assert!(!demand.change(Kinds::NONE, Kinds::EXEC, false, 10));
    assert_eq!(demand.take_idle(u64::MAX), (Hooks::NONE, None));
    assert!(demand.change(Kinds::EXEC, Kinds::NONE, false, 1000));
    assert_eq!(demand.take_idle(1001), (Hooks::NONE, Some(IDLE_NS - 1)));
    // Needed meanwhile: the time begins anew.
    assert!(!demand.change(Kinds::NONE, Kinds::EXEC, false, 2000));
    assert!(demand.change(Kinds::EXEC, Kinds::NONE, false, 3000));
    let end = 3000 + IDLE_NS;
    assert_eq!(demand.take_idle(end - 1), (Hooks::NONE, Some(1)));
    assert_eq!(demand.take_idle(end), (only(Hook::Exec), None));
    assert_eq!(demand.take_idle(end), (Hooks::NONE, None));
}

#[test]
fn hooks_of_users_stay_longer() {
    let mut demand = Demand::new(Hooks::ALL);
    demand.add_attached(Hook::Exec, 0);
    demand.add_attached(Hook::Comm, 0);
    let _ = demand.change(Kinds::NONE, Kinds::EXEC, true, 0);
    let _ = demand.change(Kinds::EXEC, Kinds::NONE, true, 0);
    let (taken, next) = demand.take_idle(IDLE_NS);
    assert_eq!(
        (taken, next),
        (only(Hook::Comm), Some(UNPRIVILEGED_IDLE_NS - IDLE_NS))
    );
    // A privileged listener joins and leaves.
    let _ = demand.change(Kinds::NONE, Kinds::EXEC, false, IDLE_NS);
    let _ = demand.change(Kinds::EXEC, Kinds::NONE, false, IDLE_NS);
    assert_eq!(
        demand.take_idle(3 * IDLE_NS),
        (Hooks::NONE, Some(UNPRIVILEGED_IDLE_NS - 2 * IDLE_NS))
    );
    let end = IDLE_NS + UNPRIVILEGED_IDLE_NS;
    assert_eq!(demand.take_idle(end), (only(Hook::Exec), None));
    // Attached once more, without a listener.
    demand.add_attached(Hook::Exec, end);
    assert_eq!(demand.take_idle(end + IDLE_NS), (only(Hook::Exec), None));
    // Attached for a user whose request was refused then.
    demand.reserve(Kinds::EXEC, true);
    demand.add_attached(Hook::Exec, end);
    assert!(demand.withdraw(Kinds::EXEC, end));
    assert_eq!(demand.take_idle(end + IDLE_NS).0, Hooks::NONE);
}

#[test]
fn hooks_are_kept_for_requests() {
    let mut demand = Demand::new(Hooks::ALL.without(only(Hook::Sid)));
    assert!(demand.missing().is_empty());
    demand.reserve(Kinds::EXEC.with(Kinds::SID), false);
    assert_eq!(demand.missing(), only(Hook::Exec));
    assert_eq!(demand.wanted(), Kinds::NONE);
    demand.add_attached(Hook::Exec, 0);
    assert!(demand.missing().is_empty());
    assert_eq!(demand.take_idle(u64::MAX), (Hooks::NONE, None));
    // Granted, and only then withdrawn.
    assert!(!demand.change(Kinds::NONE, Kinds::EXEC, false, 0));
    assert!(!demand.withdraw(Kinds::EXEC.with(Kinds::SID), 0));
    assert_eq!(demand.take_idle(u64::MAX), (Hooks::NONE, None));
    assert!(demand.change(Kinds::EXEC, Kinds::NONE, false, 0));
    // Withdrawn before it was attached.
    demand.reserve(Kinds::COMM, false);
    assert!(!demand.withdraw(Kinds::COMM, 0));
    assert!(demand.missing().is_empty());
}
