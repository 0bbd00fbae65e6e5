// SPDX-License-Identifier: GPL-2.0

//! Mistakes that the models have to find: lines of the core, and what is put in their place.

/// In a file of the core: what is replaced by what.
pub type Edit = (&'static str, &'static str, &'static str);

pub struct Mistake {
    pub name: &'static str,
    /// The model that finds it.
    pub model: &'static str,
    /// What the model says then.
    pub says: &'static str,
    pub edits: &'static [Edit],
}

/// Two threads use the same thing, and neither has waited for the other.
const RACE: &str = "Causality violation";

pub const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "no_barrier_before_the_look_up",
        model: "unregistering_waits",
        says: "use after free",
        edits: &[(
            "once",
            "word.cmpxchg(0, new, Full)",
            "word.cmpxchg(0, new, Relaxed)",
        )],
    },
    Mistake {
        name: "no_barrier_before_looking_at_seats",
        model: "unregistering_waits",
        says: RACE,
        edits: &[
            (
                "running",
                "        smp_mb(Full);\n        let is_running",
                "        let is_running",
            ),
            (
                "entry",
                "self.state.xchg(DEAD, Full)",
                "self.state.xchg(DEAD, connector::atomic::Relaxed)",
            ),
        ],
    },
    Mistake {
        name: "no_barrier_after_looking_at_seats",
        model: "unregistering_waits",
        says: RACE,
        edits: &[(
            "running",
            "        smp_mb(Full);\n        is_running\n",
            "        is_running\n",
        )],
    },
    Mistake {
        name: "seat_taken_after_the_look_up",
        model: "unregistering_waits",
        says: "use after free",
        edits: &[(
            "running",
            "if !take(&self.callback, LOOKING) {",
            "if self.callback.load(connector::atomic::Relaxed) != 0 {",
        )],
    },
    Mistake {
        name: "who_looks_is_not_waited_for",
        model: "unregistering_waits",
        says: RACE,
        edits: &[(
            "running",
            "LOOKING => fsleep(Delta::from_micros(10)),",
            "LOOKING => break LOOKING,",
        )],
    },
    Mistake {
        name: "unregistering_does_not_wait",
        model: "unregistering_waits",
        says: RACE,
        edits: &[(
            "registry",
            "if !is_to_be_released && !self.running.is_running(entry.token()) {",
            "if !is_to_be_released {",
        )],
    },
    Mistake {
        name: "seat_left_without_order",
        model: "unregistering_waits",
        says: "deadlock",
        edits: &[(
            "running",
            "replace(&self.callback, 0);",
            "write_once(&self.callback, 0);",
        )],
    },
    Mistake {
        name: "no_barrier_after_leaving_a_seat",
        model: "unregistering_waits",
        says: "deadlock",
        edits: &[(
            "running",
            "replace(&self.callback, 0);",
            "self.callback.store(0, connector::atomic::Release);",
        )],
    },
    Mistake {
        name: "nobody_looks_who_waits",
        model: "unregistering_waits",
        says: "deadlock",
        edits: &[(
            "registry",
            "if read_once(&self.retired) != 0 {",
            "if false {",
        )],
    },
    Mistake {
        name: "who_waits_does_not_say_so",
        model: "unregistering_waits",
        says: "deadlock",
        edits: &[("registry", "self.retired.fetch_add(1usize, Full);", "")],
    },
    Mistake {
        name: "nobody_is_woken_up",
        model: "unregistering_waits",
        says: "deadlock",
        edits: &[("registry", "self.changed.notify_all();", "")],
    },
    Mistake {
        name: "claimed_by_two",
        model: "release_comes_once",
        says: RACE,
        edits: &[("table", " && entry.claim()", "")],
    },
    Mistake {
        name: "claimed_while_running",
        model: "release_comes_once",
        says: "currently reading",
        edits: &[("table", "!running.is_running(entry.token()) && ", "")],
    },
    Mistake {
        name: "waits_for_itself",
        model: "unregistering_inside",
        says: "deadlock",
        edits: &[(
            "registry",
            "if !self.running.is_inside(current_task()) {",
            "if true {",
        )],
    },
    Mistake {
        name: "others_do_not_wait_for_an_unregistered_one",
        model: "unregistering_inside",
        says: "currently reading",
        edits: &[("registry", "return serial;", "return None;")],
    },
    Mistake {
        name: "old_slots_freed_at_once",
        model: "table_grows",
        says: "use after free",
        edits: &[("table", "running.wait_for_lookups();", "")],
    },
    Mistake {
        name: "growth_without_barrier",
        model: "table_grows",
        says: RACE,
        edits: &[(
            "running",
            "        smp_mb(Full);\n        let is_running",
            "        let is_running",
        )],
    },
    Mistake {
        name: "published_before_complete",
        model: "registering",
        says: RACE,
        edits: &[
            (
                "rcu",
                "self.0.store(new, Release)",
                "self.0.store(new, Relaxed)",
            ),
            (
                "rcu",
                "atomic::{Atomic, Release}",
                "atomic::{Atomic, Relaxed}",
            ),
        ],
    },
    Mistake {
        name: "more_seats_are_overlooked",
        model: "crowded_row",
        says: RACE,
        edits: &[("running", "write_once(&self.grown, 1);", "")],
    },
];
