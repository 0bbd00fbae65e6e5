// SPDX-License-Identifier: GPL-2.0

//! Copies the core's files, with changes to a few lines that only the kernel's build understands,
//! and once more for each injected bug that the models have to find.

#[path = "src/injected_bugs.rs"]
mod injected_bugs;

use injected_bugs::{Edit, INJECTED_BUGS};
use std::{env, fs, path::Path};

/// Those that are in no folder are modules by themselves, the others of `table.rs`.
const FILES: [&str; 8] = [
    "calls",
    "sync",
    "table",
    "table/callback",
    "table/entry",
    "table/hash",
    "table/lists",
    "table/slots",
];

/// Differences of the stand-in: macros that generate code, and a trait of ours.
const ADAPTATIONS: &[Edit] = &[
    // A task's frames are found by its stack; here, tasks are threads that know theirs.
    (
        "calls",
        "{cn_glue_outermost_mark, cn_glue_random_long}",
        "cn_glue_outermost_mark",
    ),
    ("calls", "static KEY: Atomic<usize> = Atomic::new(0);", ""),
    (
        "calls",
        "write_once(&KEY, unsafe { cn_glue_random_long() } as usize);",
        "",
    ),
    (
        "calls",
        "write_once(&frame.mark, mark);",
        "kernel::task::enter_frame((&raw const frame).cast());",
    ),
    (
        "calls",
        "write_once(&frame.mark, 0);",
        "kernel::task::leave_frame();",
    ),
    ("calls", "read_once(&KEY)", "0usize"),
    // A grace period waits for preemption that is off as for readers; here, there are readers only.
    (
        "table",
        "Preemption::disable()",
        "kernel::sync::rcu::read_lock()",
    ),
    ("sync", "#[pin_data]\n", ""),
    ("sync", "    #[pin]\n", ""),
    ("table", "#[pin_data]\n", ""),
    ("table", "    #[pin]\n", ""),
    ("table/slots", "#[pin_data]\n", ""),
    ("table/slots", "    #[pin]\n", ""),
];

/// For loom, whose atomics are made at run time and which tries each step: few and small arrays. It
/// must hear of each use of an entry, and of loads whose order rests on dependencies.
const LOOM: &[Edit] = &[
    ("calls", "const fn new()", "fn new()"),
    (
        "calls",
        "fn try_enter(&self) -> bool {\n",
        "fn try_enter(&self) -> bool {\n        kernel::memory::touch(self);\n",
    ),
    (
        "calls",
        "fn leave(&self) -> bool {\n",
        "fn leave(&self) -> bool {\n        kernel::memory::touch(self);\n",
    ),
    ("table/lists", "const fn new()", "fn new()"),
    ("sync", "const fn null()", "fn null()"),
    (
        "sync",
        "Zeroable for RcuSlot<T> {}",
        "Zeroable for RcuSlot<T> { fn zeroed() -> Self { Self(Atomic::new(core::ptr::null_mut())) } }",
    ),
    // loom's atomics are made at run time.
    (
        "sync",
        "static CALLS: Atomic<u32> = Atomic::new(0);",
        "#[allow(non_snake_case)]\n    let CALLS: Atomic<u32> = Atomic::new(0);",
    ),
    (
        "table/hash",
        "MIN_CAPACITY: usize = 16",
        "MIN_CAPACITY: usize = 2",
    ),
    (
        "table/entry",
        "fn id(&self) -> Id {\n",
        "fn id(&self) -> Id {\n        kernel::memory::touch(self);\n",
    ),
    (
        "table/entry",
        "fn callback(&self) -> &Callback {\n",
        "fn callback(&self) -> &Callback {\n        kernel::memory::touch(self);\n",
    ),
    (
        "sync",
        "unsafe { word.as_ptr().read_volatile() }",
        "word.read_once()",
    ),
    (
        "sync",
        "unsafe { word.as_ptr().write_volatile(value) };",
        "word.write_once(value);",
    ),
];

fn edit(file: &str, text: &mut String, edits: &[Edit]) {
    for (_, from, to) in edits.iter().filter(|(name, ..)| *name == file) {
        assert!(
            text.contains(from),
            "rust/core/{file}.rs does not have what is to be replaced here any more:\n{from}"
        );
        *text = text.replace(from, to);
    }
}

fn write_variant(variant: &str, core: &Path, out: &Path, edits: &[Edit], loom: bool) -> String {
    let folder = out.join(variant);
    fs::create_dir_all(&folder).unwrap();
    let mut modules = String::new();
    for file in FILES {
        let mut text = fs::read_to_string(core.join(file).with_extension("rs")).unwrap();
        // Injected bugs first: their edits are written for the unchanged file.
        edit(file, &mut text, edits);
        edit(file, &mut text, ADAPTATIONS);
        if loom {
            edit(file, &mut text, LOOM);
        }
        match file {
            "table/callback" => text += include_str!("src/handler_cookie.rs"),
            "table/slots" => text += include_str!("src/table_counts.rs"),
            _ => (),
        }
        let text = text.replace("crate::", &format!("crate::{variant}::"));
        let name = file.strip_prefix("table/");
        // The modules of a file that was found by its path are beside it.
        let path = folder.join(name.unwrap_or(file)).with_extension("rs");
        fs::write(&path, text).unwrap();
        if name.is_none() {
            modules += &format!("#[path = {path:?}]\npub(crate) mod {file};\n");
        }
    }
    let models = if loom { "models" } else { "check" };
    let path = env::current_dir()
        .unwrap()
        .join("src")
        .join(models)
        .with_extension("rs");
    modules += &format!("#[path = {path:?}]\npub mod {models};\n");
    format!("pub mod {variant} {{\n#![allow(unused)]\npub(crate) use crate::{{helpers, netlink, stats}};\n{modules}}}\n")
}

fn main() {
    let core = env::current_dir().unwrap().join("../../../rust/core");
    let out = env::var("OUT_DIR").unwrap();
    let out = Path::new(&out);
    let loom = env::var("CARGO_FEATURE_LOOM").is_ok();
    let mut variants = write_variant("intact", &core, out, &[], loom);
    if loom {
        for bug in INJECTED_BUGS {
            let (name, model, says) = (bug.name, bug.model, bug.says);
            variants += &write_variant(name, &core, out, bug.edits, loom);
            variants += &format!(
                "#[test]\nfn injected_bug_{name}() {{\n    loom_tests::finds(\"injected_bug_{name}\", {name}::models::{model}, {says:?});\n}}\n"
            );
        }
    }
    fs::write(out.join("variants.rs"), variants).unwrap();
    // Neither loom nor Miri knows instructions of a processor; there are words in Rust, too.
    println!("cargo::rustc-check-cfg=cfg(CONFIG_RUST_INLINE_HELPERS)");
    println!("cargo::rustc-check-cfg=cfg(CONFIG_RUST_DEBUG_ASSERTIONS)");
    if loom || env::var_os("CARGO_CFG_MIRI").is_some() {
        println!("cargo::rustc-cfg=CONFIG_RUST_INLINE_HELPERS");
    }
    println!("cargo::rerun-if-changed={}", core.display());
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=build.rs");
}
