// SPDX-License-Identifier: GPL-2.0

//! Injected bugs that the models have to find: lines of the core, and their replacements.

/// A file of the core, the old text, and the new one.
pub type Edit = (&'static str, &'static str, &'static str);

pub struct InjectedBug {
    pub name: &'static str,
    /// The model that finds it.
    pub model: &'static str,
    /// The message of the model.
    pub says: &'static str,
    pub edits: &'static [Edit],
}

/// Two threads use the same thing, and neither has waited for the other.
const RACE: &str = "Causality violation";

/// Something is freed or reclaimed while another thread uses it.
const IN_USE: &str = "currently reading from cell";

const FREED_AT_ONCE: Edit = (
    "sync",
    "bindings::cn_glue_kvfree_rcu(memory.cast::<c_void>())",
    "kernel::memory::free_now(memory)",
);

/// Where a call is left.
const LEAVES: &str = "self.entry().calls().0.leave().then_some(Dead(self.0))";

/// Where a task that unregisters waits for calls to return.
const WAITS: &str = "if !calls::is_inside() {";

pub const INJECTED_BUGS: &[InjectedBug] = &[
    InjectedBug {
        name: "entered_without_order",
        model: "last_call_reclaims",
        says: "used after it was reclaimed",
        edits: &[(
            "calls",
            "fetch_add(&self.entered, 1) & DEAD == 0",
            "let entered = read_once(&self.entered);\n        self.entered.store(entered.wrapping_add(1), kernel::atomic::Relaxed);\n        entered & DEAD == 0",
        )],
    },
    InjectedBug {
        name: "entered_though_dead",
        model: "last_call_reclaims",
        says: "used after it was reclaimed",
        edits: &[("calls", "fetch_add(&self.entered, 1) & DEAD == 0", "fetch_add(&self.entered, 1) | DEAD != 0")],
    },
    InjectedBug {
        name: "marked_without_order",
        model: "last_call_reclaims",
        says: IN_USE,
        edits: &[(
            "calls",
            "let entered = fetch_add(&self.entered, DEAD);",
            "let entered = read_once(&self.entered);\n        self.entered.store(entered | DEAD, kernel::atomic::Relaxed);",
        )],
    },
    InjectedBug {
        name: "left_without_order",
        model: "last_call_reclaims",
        says: RACE,
        edits: &[(
            "calls",
            "fetch_add(&self.left, 1)",
            "self.left.fetch_add(1, kernel::atomic::Relaxed)",
        )],
    },
    InjectedBug {
        name: "left_with_acquire_only",
        model: "last_call_reclaims",
        says: RACE,
        edits: &[(
            "calls",
            "fetch_add(&self.left, 1)",
            "self.left.fetch_add(1, kernel::atomic::Acquire)",
        )],
    },
    InjectedBug {
        name: "left_with_release_only",
        model: "last_call_reclaims",
        says: RACE,
        edits: &[(
            "calls",
            "fetch_add(&self.left, 1)",
            "self.left.fetch_add(1, kernel::atomic::Release)",
        )],
    },
    InjectedBug {
        name: "moved_up_before_the_mark",
        model: "last_call_reclaims",
        says: IN_USE,
        edits: &[(
            "calls",
            "let entered = fetch_add(&self.entered, DEAD);",
            "let entered = read_once(&self.entered);",
        ), (
            "calls",
            "fetch_add(&self.left, DEAD.wrapping_sub(entered).wrapping_add(1));",
            "fetch_add(&self.left, DEAD.wrapping_sub(entered).wrapping_add(1));\n        fetch_add(&self.entered, DEAD);",
        )],
    },
    InjectedBug {
        name: "looks_after_it_has_left",
        model: "unregistering_waits",
        says: RACE,
        edits: &[(
            "calls",
            "fetch_add(&self.left, 1) & DEAD != 0\n",
            "let left = fetch_add(&self.left, 1);\n        kernel::memory::touch(self);\n        read_once(&self.entered) & DEAD != 0 && left & DEAD != 0\n",
        )],
    },
    InjectedBug {
        name: "looked_up_without_rcu",
        model: "unregistering_waits",
        says: RACE,
        edits: &[(
            "table",
            "let entry = self.table.find(id, &guard)?;",
            "let entry = core::ptr::NonNull::from(self.table.find(id, &guard)?);\n        drop(guard);",
        ), (
            "table",
            "        entry.try_enter()",
            "        unsafe { entry.as_ref() }.try_enter()",
        )],
    },
    InjectedBug {
        name: "freed_at_once",
        model: "unregistering_waits",
        says: "use after free",
        edits: &[FREED_AT_ONCE],
    },
    InjectedBug {
        name: "freed_before_it_is_removed",
        model: "unregistering_waits",
        says: "use after free",
        edits: &[("table/slots", "        slot.remove();\n", "")],
    },
    InjectedBug {
        name: "call_is_not_entered",
        model: "unregistering_waits",
        says: RACE,
        edits: &[
            ("table/callback", "calls.try_enter().then(", "calls.completed().is_some().then("),
            (
                "table",
                "if let Some(dead) = active.leave() {",
                "if let Some(dead) = { core::mem::forget(active); None::<callback::Dead> } {",
            ),
        ],
    },
    InjectedBug {
        name: "unregistering_does_not_wait",
        model: "unregistering_waits",
        says: IN_USE,
        edits: &[("table", WAITS, "if false {")],
    },
    InjectedBug {
        name: "nobody_is_woken_up",
        model: "unregistering_waits",
        says: "deadlock",
        edits: &[("table", "self.reclaimed.notify_all();", "")],
    },
    InjectedBug {
        name: "reclaimed_by_nobody",
        model: "unregistering_waits",
        says: "deadlock",
        edits: &[("table/callback", LEAVES, "{ let _ = self.entry().calls().0.leave(); None }")],
    },
    InjectedBug {
        name: "reclaimed_while_it_runs",
        model: "release_comes_once",
        says: IN_USE,
        edits: &[(
            "table/callback",
            LEAVES,
            "{ let _ = self.entry().calls().0.leave(); Some(Dead(self.0)) }",
        )],
    },
    InjectedBug {
        name: "waits_for_itself",
        model: "unregistering_inside",
        says: "deadlock",
        edits: &[("table", WAITS, "if true {")],
    },
    InjectedBug {
        name: "others_do_not_wait_for_an_unregistered_one",
        model: "unregistering_inside",
        says: IN_USE,
        edits: &[("table", "return serial;", "return None;")],
    },
    InjectedBug {
        name: "waits_crosswise",
        model: "unregistering_crosswise",
        says: "deadlock",
        edits: &[("table", WAITS, "if true {")],
    },
    InjectedBug {
        name: "old_slots_freed_at_once",
        model: "table_grows",
        says: "use after free",
        edits: &[FREED_AT_ONCE],
    },
    InjectedBug {
        name: "published_before_complete",
        model: "registering",
        says: RACE,
        edits: &[
            ("sync", "self.0.store(as_ptr(new), Release)", "self.0.store(as_ptr(new), Relaxed)"),
            ("sync", "self.0.store(as_ptr(Some(new)), Release)", "self.0.store(as_ptr(Some(new)), Relaxed)"),
        ],
    },
];
