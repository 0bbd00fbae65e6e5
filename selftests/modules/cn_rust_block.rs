// SPDX-License-Identifier: GPL-2.0

//! Test module: callbacks that take as long as a program lets them. The user side is `../load_block.c`.

#![deny(unsafe_code)]

use connector::{
    Access, AnyRegistration, Change, Handler, Id, Message, Options, Outgoing, Port, Registration,
    Sender, SocketChange, SocketWatch, SocketWatcher, Watch, Watcher,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Completion, Mutex,
    },
};

module! {
    type: BlockModule,
    name: "cn_rust_block",
    authors: ["The connector-rs authors"],
    description: "Callbacks that take as long as a program lets them",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
    params: {
        end_on_close: u32 {
            default: 0,
            description: "Whether a socket that is closed ends the registration of the gate",
        },
        end_on_register: u32 {
            default: 0,
            description: "Whether 43:99 that is registered ends the registration of the gate",
        },
        port: u32 {
            default: 0,
            description: "A port that is told of ids of 43, waiting for room",
        },
    },
}

const IDX: u32 = 43;
/// Stays inside until the next one was called.
const GATE: Id = Id::new(IDX, 1);
const OPEN: Id = Id::new(IDX, 2);
/// Replies with the number of those inside.
const COUNT: Id = Id::new(IDX, 3);
const TRIGGER: Id = Id::new(IDX, 99);

#[pin_data]
struct Gate {
    inside: Atomic<i32>,
    #[pin]
    open: Completion,
    #[pin]
    registration: Mutex<Option<AnyRegistration>>,
}

impl Gate {
    fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                inside: Atomic::new(0),
                open <- Completion::new(),
                registration <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )
    }

    fn end(&self) {
        let registration = self.registration.lock().take();
        drop(registration);
    }
}

impl Handler for Gate {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        match message.id() {
            GATE => {
                self.inside.add(1, Relaxed);
                self.open.wait_for_completion();
                self.inside.add(-1, Relaxed);
            }
            OPEN => self.open.complete_all(),
            _ => sender.reply(message, &self.inside.load(Relaxed))?,
        }
        Ok(())
    }
}

impl SocketWatcher for Gate {
    fn changed(&self, change: SocketChange) {
        if module_parameters::end_on_close.value() != 0 && matches!(change, SocketChange::Closed(_))
        {
            self.end();
        }
    }
}

impl Watcher for Gate {
    fn changed(&self, id: Id, change: Change) {
        if module_parameters::end_on_register.value() != 0
            && id == TRIGGER
            && change == Change::Registered
        {
            self.end();
        }
        let port = module_parameters::port.value();
        if port != 0 && id.idx() == IDX && change == Change::Registered {
            let _ = Outgoing::new(id, &[0u8; 1000]).send_to(Port(port), GFP_KERNEL);
        }
    }
}

struct BlockModule {
    gate: Arc<Gate>,
    _others: [Registration<Gate>; 2],
    _sockets: SocketWatch<Gate>,
    _watch: Watch<Gate>,
}

impl kernel::Module for BlockModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let gate = Gate::new()?;
        let options = Options::new().access(Access::Public);
        let register = |id| Registration::with_options(id, c"block", gate.clone(), options);
        let others = [register(OPEN)?, register(COUNT)?];
        let registration = register(GATE)?;
        *gate.registration.lock() = Some(registration.into());
        Ok(Self {
            _others: others,
            _sockets: SocketWatch::new(gate.clone())?,
            _watch: Watch::new(gate.clone())?,
            gate,
        })
    }
}

impl Drop for BlockModule {
    fn drop(&mut self) {
        self.gate.end();
    }
}
