// SPDX-License-Identifier: GPL-2.0

//! Sample: tells programs which ids come and go, and the kernel log as well.
//!
//! Shows a watch on registrations. The user program that belongs to it is `cn_who.c`. Programs can
//! learn the same from the connector itself, see `cn_ucon.c`; this is for kernel modules.

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

/// What listeners are told.
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
        // Fails when nobody listens, which is fine.
        let _ = Outgoing::new(ID, &event).seq(number).send(GFP_KERNEL);
    }
}

impl Handler for Reporter {
    /// Answers with the number of events so far.
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        sender.reply(message, &self.events.load(Relaxed))
    }
}

/// What the module holds; its parts are dropped in this order when it is unloaded.
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
