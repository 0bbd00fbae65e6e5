// SPDX-License-Identifier: GPL-2.0

//! Sample: reports registrations and unregistrations to programs and to the kernel log.
//!
//! It shows a `Watch`, which is for kernel modules. Its program is `cn_watch_user.c`. Programs can
//! use the notification channel instead; `cn_rust_test_user.c` does.

use connector::{Change, Handler, Id, Message, Outgoing, Registration, Sender, Watch, Watcher};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};
use zerocopy_derive::Immutable;

const ID: Id = Id::new(23, 1);

module! {
    type: WatchModule,
    name: "cn_watch",
    authors: ["The connector-rs authors"],
    description: "Sample of a connector user: watch on registrations",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
}

/// The payload of the messages to listeners.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Event {
    idx: u32,
    val: u32,
    /// 1 for registered, 0 for unregistered.
    registered: u32,
}

struct Reporter {
    events: Atomic<u32>,
}

impl Watcher for Reporter {
    fn changed(&self, id: Id, change: Change) {
        let registered = change == Change::Registered;
        pr_info!(
            "{}:{} was {}\n",
            id.idx(),
            id.val(),
            if registered {
                "registered"
            } else {
                "unregistered"
            }
        );
        let event = Event {
            idx: id.idx(),
            val: id.val(),
            registered: registered.into(),
        };
        let number = self.events.fetch_add(1u32, Relaxed);
        // Sending fails if no socket listens. The module ignores that.
        let _ = Outgoing::new(ID, &event).seq(number).send(GFP_KERNEL);
    }
}

impl Handler for Reporter {
    /// Replies with the number of events so far.
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        sender.reply(message, &self.events.load(Relaxed))
    }
}

/// The module's parts. Unloading drops them in this order.
struct WatchModule {
    _watch: Watch<Reporter>,
    _registration: Registration<Reporter>,
}

impl kernel::Module for WatchModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let reporter = Arc::new(
            Reporter {
                events: Atomic::new(0),
            },
            GFP_KERNEL,
        )?;
        Ok(Self {
            _registration: Registration::new(ID, c"cn_watch", reporter.clone())?,
            _watch: Watch::new(reporter)?,
        })
    }
}
