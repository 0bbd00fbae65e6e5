// SPDX-License-Identifier: GPL-2.0

//! Sample: replies to each message with its own payload.
//!
//! Its program is `cn_echo_user.c`.

use connector::{Access, Handler, Id, Message, Options, Sender};
use kernel::prelude::*;

struct Echo;

impl Handler for Echo {
    // Runs while the program is in `sendmsg()`. The return value becomes the acknowledgement, if
    // the program requested one with `NLM_F_ACK`.
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        sender.reply(message, message.payload())
    }
}

connector::module_connector! {
    name: "cn_echo",
    authors: ["The connector-rs authors"],
    description: "Sample of a connector user: echo",
    license: "GPL",
    handlers: [
        {
            ids: [Id::new(20, 1)],
            name: c"cn_echo",
            handler: Echo,
            options: Options::new()
                .access(Access::Public)
                .description(c"replies with the payload"),
        },
    ],
}
