// SPDX-License-Identifier: GPL-2.0

//! Test module: names and descriptions that imitate lines of `/proc/net/connector`. The user side
//! is `../rust_api/names.c`.

#![deny(unsafe_code)]

use connector::{Handler, Id, Message, Options, Registration, Sender};
use kernel::{prelude::*, sync::Arc};

module! {
    type: NamesModule,
    name: "cn_rust_names",
    authors: ["The connector-rs authors"],
    description: "Names that look like lines",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
    params: {
        which: u32 {
            default: 0,
            description: "Which of the names",
        },
    },
}

/// Names and descriptions.
const TEXTS: [(&CStr, &CStr); 8] = [
    (c"a\nforged          1:1", c"plain"),
    (c"\n", c"plain"),
    (c"", c"plain"),
    (c"a b", c"plain"),
    (c"a\tforged", c"plain"),
    (c"a\x1b[2Jforged", c"plain"),
    (c"plain", c"a\nforged          1:1"),
    (c"plain", c"a\r\x1b[2Jforged"),
];

struct Nothing;

impl Handler for Nothing {
    fn receive(&self, _message: &Message<'_>, _sender: &Sender<'_>) -> Result {
        Ok(())
    }
}

struct NamesModule {
    _registration: Registration<Nothing>,
}

impl kernel::Module for NamesModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let which = u32::clone(&module_parameters::which.value()) as usize;
        let (name, description) = TEXTS.get(which).ok_or(EDOM)?;
        let options = Options::new().description(description);
        let handler = Arc::new(Nothing, GFP_KERNEL)?;
        Ok(Self {
            _registration: Registration::with_options(Id::new(44, 1), name, handler, options)?,
        })
    }
}
