// SPDX-License-Identifier: GPL-2.0

//! Test module: features of `module_connector!` that the samples don't show: handlers of several
//! types, and several ids. The user side is `../rust_api/module.c`.

use connector::{Handler, Id, Message, Options, Sender};
use kernel::{new_mutex, prelude::*, sync::Mutex};

/// Replies with the id of the message.
struct Which;

impl Handler for Which {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        sender.reply(message, &[message.id().idx(), message.id().val()])
    }
}

/// Replies with the number of messages so far.
#[pin_data]
struct Count {
    #[pin]
    count: Mutex<u32>,
}

impl Count {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            count <- new_mutex!(0),
        })
    }
}

impl Handler for Count {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        let count = {
            let mut count = self.count.lock();
            *count = count.saturating_add(1);
            *count
        };
        sender.reply(message, &count)
    }
}

connector::module_connector! {
    name: "cn_rust_module",
    authors: ["The connector-rs authors"],
    description: "Test of module_connector!",
    license: "GPL",
    handlers: [
        { ids: [Id::new(26, 1), Id::new(26, 2)], name: c"which", handler: Which },
        {
            ids: [Id::new(26, 3)],
            name: c"count",
            handler: Count::new(),
            options: Options::new().open_group(),
        },
    ],
}
