// SPDX-License-Identifier: GPL-2.0

//! Test module: registers and watches without cleaning up, while it exits or fails to start: from a
//! handler, from watchers, and from drops. The user side is `../unload/leaving.c`.

#![deny(unsafe_code)]

use connector::{
    Access, AnyRegistration, Change, Handler, Id, Message, Options, Registration, Sender,
    SocketChange, SocketWatch, SocketWatcher, Watch, Watcher,
};
use core::mem::forget;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Mutex,
    },
    time::{delay::fsleep, Delta},
};

module! {
    type: LeavingModule,
    name: "cn_rust_leaving",
    authors: ["The connector-rs authors"],
    description: "Registers and watches while it leaves",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
    params: {
        context: u32 {
            default: 0,
            description: "From where, see unload/leaving.c",
        },
        act: u32 {
            default: 0,
            description: "Registers (0), watches ids (1), watches sockets (2)",
        },
        milliseconds: u32 {
            default: 0,
            description: "How long it sleeps before that",
        },
        times: u32 {
            default: 1,
            description: "How often it does that, while it is refused",
        },
        fail: u32 {
            default: 0,
            description: "Sleeps so many milliseconds when all is made, and fails to start",
        },
    },
}

const IDX: u32 = 42;
/// The handler that does it, or whose drop does.
const ACTOR: Id = Id::new(IDX, 1);
/// The event that the watcher waits for.
const TRIGGER: Id = Id::new(IDX, 50);
/// The id that is registered late.
const LATE: Id = Id::new(IDX, 133);

const IN_HANDLER: u32 = 0;
const IN_RETIRED_HANDLER: u32 = 1;
const IN_WATCHER: u32 = 2;
const IN_SOCKET_WATCHER: u32 = 3;
const IN_DROP_OF_HANDLER: u32 = 4;
const IN_DROP_OF_WATCHER: u32 = 5;

fn sleep(milliseconds: u32) {
    fsleep(Delta::from_millis(milliseconds.into()));
}

/// Must not be called after the module is unloaded.
struct Late;

impl Handler for Late {
    fn receive(&self, _message: &Message<'_>, _sender: &Sender<'_>) -> Result {
        pr_info!("called late\n");
        Ok(())
    }
}

impl Watcher for Late {
    fn changed(&self, _id: Id, _change: Change) {}
}

impl SocketWatcher for Late {
    fn changed(&self, _change: SocketChange) {}
}

/// Acts when it is dropped, if its context is that drop.
struct End {
    context: u32,
}

impl Drop for End {
    fn drop(&mut self) {
        if self.context >= IN_DROP_OF_HANDLER {
            act();
        }
    }
}

/// Whether it was done.
static DONE: Atomic<u32> = Atomic::new(0);

/// Once.
fn act() {
    if DONE.fetch_add(1u32, Relaxed) > 0 {
        return;
    }
    pr_info!("acts\n");
    sleep(u32::clone(&module_parameters::milliseconds.value()));
    for _ in 1..u32::clone(&module_parameters::times.value()) {
        if register_late().is_ok() {
            return;
        }
    }
    match register_late() {
        Ok(()) => pr_info!("has made one late\n"),
        Err(error) => pr_info!("was refused: {}\n", error.to_errno()),
    }
}

fn register_late() -> Result {
    let late = Arc::new(Late, GFP_KERNEL)?;
    match u32::clone(&module_parameters::act.value()) {
        0 => forget(Registration::with_options(
            LATE,
            c"late",
            late,
            Options::new().access(Access::Public),
        )?),
        1 => forget(Watch::new(late)?),
        _ => forget(SocketWatch::new(late)?),
    }
    Ok(())
}

#[pin_data]
struct Actor {
    end: End,
    #[pin]
    own: Mutex<Option<AnyRegistration>>,
}

impl Actor {
    fn new(context: u32) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                end: End { context },
                own <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )
    }
}

impl Handler for Actor {
    fn receive(&self, _message: &Message<'_>, _sender: &Sender<'_>) -> Result {
        if self.end.context == IN_RETIRED_HANDLER {
            let own = self.own.lock().take();
            drop(own);
        }
        act();
        Ok(())
    }
}

impl Watcher for Actor {
    fn changed(&self, id: Id, change: Change) {
        if self.end.context == IN_WATCHER && id == TRIGGER && change == Change::Registered {
            act();
        }
    }
}

impl SocketWatcher for Actor {
    fn changed(&self, change: SocketChange) {
        if self.end.context == IN_SOCKET_WATCHER && matches!(change, SocketChange::Closed(_)) {
            act();
        }
    }
}

fn start(context: u32) -> Result {
    let actor = Actor::new(context)?;
    match context {
        IN_HANDLER | IN_RETIRED_HANDLER | IN_DROP_OF_HANDLER => {
            let options = Options::new().access(Access::Public);
            let own = Registration::with_options(ACTOR, c"actor", actor.clone(), options)?;
            *actor.own.lock() = Some(own.into());
            if context == IN_DROP_OF_HANDLER {
                forget(actor.own.lock().take());
            }
        }
        IN_WATCHER | IN_DROP_OF_WATCHER => forget(Watch::new(actor)?),
        _ => forget(SocketWatch::new(actor)?),
    }
    Ok(())
}

struct LeavingModule;

impl kernel::Module for LeavingModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        start(u32::clone(&module_parameters::context.value()))?;
        match u32::clone(&module_parameters::fail.value()) {
            0 => Ok(Self),
            milliseconds => {
                sleep(milliseconds);
                Err(EAGAIN)
            }
        }
    }
}
