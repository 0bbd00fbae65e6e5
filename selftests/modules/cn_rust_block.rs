// SPDX-License-Identifier: GPL-2.0

//! Test module: callbacks that take as long as a program lets them. The user side is
//! `../unload/block.c`.

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
    time::{delay::fsleep, Delta},
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
            description: "A port that is notified of ids of 43, waiting for room",
        },
        drop_waits: u32 {
            default: 0,
            description: "Whether the drop of 43:96 waits until the watcher is notified of it",
        },
        slow_us: u32 {
            default: 0,
            description: "How long watchers take for each change, in microseconds",
        },
        sleepers: u32 {
            default: 0,
            description: "How many watchers stay inside, as the gate, when 43:95 is registered",
        },
        forgets: u32 {
            default: 0,
            description: "Whether the module leaves these watchers to the connector",
        },
    },
}

const IDX: u32 = 43;
/// Stays inside until the next one was called.
const GATE: Id = Id::new(IDX, 1);
const OPEN: Id = Id::new(IDX, 2);
/// Replies with the number of those inside.
const COUNT: Id = Id::new(IDX, 3);
/// Registers and drops an id as often as the number in the payload.
const CHURN: Id = Id::new(IDX, 4);
/// Replies with how many times the watcher of ids has missed something.
const MISSED: Id = Id::new(IDX, 5);
/// Replies with the number of changes of groups that the watcher of sockets was notified of.
const GROUPS: Id = Id::new(IDX, 6);
/// As [`CHURN`], another id.
const CHURN_ANOTHER: Id = Id::new(IDX, 7);
/// The id that is registered and dropped.
const CHURNED: Id = Id::new(IDX, 98);
const CHURNED_TOO: Id = Id::new(IDX, 97);
/// Has watchers sleep.
const SLEEP: Id = Id::new(IDX, 95);
/// Dropped when the module is unloaded.
const WAITS: Id = Id::new(IDX, 96);
const TRIGGER: Id = Id::new(IDX, 99);

#[pin_data]
struct Gate {
    inside: Atomic<i32>,
    missed: Atomic<i32>,
    groups: Atomic<i32>,
    #[pin]
    open: Completion,
    /// The watcher is notified that [`WAITS`] is unregistered.
    #[pin]
    is_gone: Completion,
    #[pin]
    registration: Mutex<Option<AnyRegistration>>,
}

impl Gate {
    fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                inside: Atomic::new(0),
                missed: Atomic::new(0),
                groups: Atomic::new(0),
                open <- Completion::new(),
                is_gone <- Completion::new(),
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

/// Takes as long as the module's user has asked for.
fn take_time() {
    let time = u32::clone(&module_parameters::slow_us.value());
    if time != 0 {
        fsleep(Delta::from_micros(time.into()));
    }
}

/// Is registered and dropped.
struct Nothing;

impl Handler for Nothing {
    fn receive(&self, _message: &Message<'_>, _sender: &Sender<'_>) -> Result {
        Ok(())
    }
}

/// Its drop waits for the watcher.
struct Waits(Arc<Gate>);

impl Handler for Waits {
    fn receive(&self, _message: &Message<'_>, _sender: &Sender<'_>) -> Result {
        Ok(())
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.is_gone.wait_for_completion();
    }
}

fn churn(id: Id, times: u32) -> Result {
    for _ in 0..times {
        drop(Registration::new(
            id,
            c"churned",
            Arc::new(Nothing, GFP_KERNEL)?,
        )?);
    }
    Ok(())
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
            CHURN => churn(CHURNED, message.read_payload::<u32>()?)?,
            CHURN_ANOTHER => churn(CHURNED_TOO, message.read_payload::<u32>()?)?,
            MISSED => sender.reply(message, &self.missed.load(Relaxed))?,
            GROUPS => sender.reply(message, &self.groups.load(Relaxed))?,
            _ => sender.reply(message, &self.inside.load(Relaxed))?,
        }
        Ok(())
    }
}

impl SocketWatcher for Gate {
    fn changed(&self, change: SocketChange) {
        if u32::clone(&module_parameters::end_on_close.value()) != 0
            && matches!(change, SocketChange::Closed(_))
        {
            self.end();
        }
        if !matches!(change, SocketChange::Closed(_)) {
            self.groups.add(1, Relaxed);
        }
        take_time();
    }
}

impl Watcher for Gate {
    fn changed(&self, id: Id, change: Change) {
        take_time();
        if u32::clone(&module_parameters::end_on_register.value()) != 0
            && id == TRIGGER
            && change == Change::Registered
        {
            self.end();
        }
        if id == WAITS && change == Change::Unregistered {
            self.is_gone.complete_all();
        }
        let port = u32::clone(&module_parameters::port.value());
        if port != 0 && id.idx() == IDX && change == Change::Registered {
            let _ = Outgoing::new(id, &[0u8; 1000]).send_to(Port(port), GFP_KERNEL);
        }
    }

    fn missed(&self) {
        self.missed.add(1, Relaxed);
    }
}

/// Stays inside when [`SLEEP`] is registered, until the gate is open.
struct Sleeper(Arc<Gate>);

impl Watcher for Sleeper {
    fn changed(&self, id: Id, change: Change) {
        if id == SLEEP && change == Change::Registered {
            self.0.inside.add(1, Relaxed);
            self.0.open.wait_for_completion();
            self.0.inside.add(-1, Relaxed);
        }
    }
}

fn watch_asleep(gate: &Arc<Gate>) -> Result<KVVec<Watch<Sleeper>>> {
    let mut watches = KVVec::new();
    for _ in 0..u32::clone(&module_parameters::sleepers.value()) {
        let sleeper = Arc::new(Sleeper(gate.clone()), GFP_KERNEL)?;
        watches.push(Watch::new(sleeper)?, GFP_KERNEL)?;
    }
    Ok(watches)
}

struct BlockModule {
    gate: Arc<Gate>,
    // Before the watch.
    _waits: Option<Registration<Waits>>,
    _others: [Registration<Gate>; 6],
    _sockets: SocketWatch<Gate>,
    _watch: Watch<Gate>,
    sleepers: KVVec<Watch<Sleeper>>,
}

impl kernel::Module for BlockModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let gate = Gate::new()?;
        let options = Options::new().access(Access::Public);
        let register = |id| Registration::with_options(id, c"block", gate.clone(), options);
        let others = [
            register(OPEN)?,
            register(COUNT)?,
            register(CHURN)?,
            register(CHURN_ANOTHER)?,
            register(MISSED)?,
            register(GROUPS)?,
        ];
        let registration = register(GATE)?;
        *gate.registration.lock() = Some(registration.into());
        let sleepers = watch_asleep(&gate)?;
        let (sockets, watch) = (SocketWatch::new(gate.clone())?, Watch::new(gate.clone())?);
        let waits = if u32::clone(&module_parameters::drop_waits.value()) != 0 {
            let waits = Arc::new(Waits(gate.clone()), GFP_KERNEL)?;
            Some(Registration::new(WAITS, c"waits", waits)?)
        } else {
            None
        };
        Ok(Self {
            _waits: waits,
            _others: others,
            _sockets: sockets,
            _watch: watch,
            sleepers,
            gate,
        })
    }
}

impl Drop for BlockModule {
    fn drop(&mut self) {
        if u32::clone(&module_parameters::forgets.value()) != 0 {
            core::mem::take(&mut self.sleepers)
                .into_iter()
                .for_each(core::mem::forget);
        }
        self.gate.end();
        if u32::clone(&module_parameters::drop_waits.value()) != 0 {
            // The watcher has nothing else to be called for then.
            fsleep(Delta::from_millis(200));
        }
    }
}
