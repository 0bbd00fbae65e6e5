// SPDX-License-Identifier: GPL-2.0

//! Test module: does random operations with the whole crate, from every context: at its start, from
//! handlers, from watchers of ids and of sockets, from drops and from work items. Messages of
//! programs trigger it. All of its operations are allowed, and nothing of it may be left after its
//! unloading. The user side is `../torture/storm_random.c`.

#![deny(unsafe_code)]

use connector::{
    has_listeners, visit_listeners, Access, AnyRegistration, Bundle, Change, Draft, Handler, Id,
    Listeners, Message, Options, Outgoing, Port, Registration, Sender, SocketChange, SocketWatch,
    SocketWatcher, Watch, Watcher,
};
use core::mem::{forget, replace};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Relaxed},
        Arc, Mutex,
    },
    time::{delay::fsleep, Delta},
    workqueue,
};

module! {
    type: RandomModule,
    name: "cn_rust_random",
    authors: ["The connector-rs authors"],
    description: "Does random things with the crate connector",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
    params: {
        seed: u32 {
            default: 1,
            description: "What the random choices begin with",
        },
        port: u32 {
            default: 0,
            description: "A port that some messages are sent to",
        },
    },
}

const IDX: u32 = 45;
/// Ids are 45:0 to this; 45:0 is registered from the start to the end.
const IDS: u32 = 40;
const SLOTS: usize = 32;
/// With more watches, each registration would notify too many of them.
const WATCHES: u32 = 12;
/// How many steps one message may lead to, wherever they are done.
const FUEL: i32 = 16;

/// Work items that may still run code of this module.
static WORKING: Atomic<i32> = Atomic::new(0);
/// Work items are no longer begun.
static LEAVING: Atomic<i32> = Atomic::new(0);
/// Different for each sequence of choices.
static SEQUENCES: Atomic<u32> = Atomic::new(0);

struct Random(u64);

impl Random {
    fn new() -> Self {
        let number = SEQUENCES.fetch_add(1u32, Relaxed);
        let seed = u64::from(u32::clone(&module_parameters::seed.value()));
        Self((seed << 32 | u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number less than `limit`.
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) as u32).checked_rem(limit).unwrap_or(0)
    }

    fn id(&mut self) -> Id {
        Id::new(IDX, self.below(IDS).wrapping_add(1))
    }
}

enum Thing {
    Registration(#[expect(dead_code)] AnyRegistration),
    Watch(#[expect(dead_code)] Watch<Node>),
    Sockets(#[expect(dead_code)] SocketWatch<Node>),
}

/// Counts steps, and reports the number when it is dropped with the shared state.
struct Steps(Atomic<u32>);

impl Drop for Steps {
    fn drop(&mut self) {
        pr_info!("nothing is left after {} steps\n", self.0.load(Relaxed));
    }
}

/// Shared by all nodes. It lives as long as any node, so it is dropped with the last one.
#[pin_data]
struct Shared {
    fuel: Atomic<i32>,
    steps: Steps,
    watches: Atomic<u32>,
    #[pin]
    slots: Mutex<[Option<Thing>; SLOTS]>,
}

impl Shared {
    fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                fuel: Atomic::new(FUEL),
                steps: Steps(Atomic::new(0)),
                watches: Atomic::new(0),
                slots <- new_mutex!([const { None }; SLOTS]),
            }),
            GFP_KERNEL,
        )
    }

    /// Whether one more step may be done.
    fn spend(&self) -> bool {
        if self.fuel.fetch_add(-1, Relaxed) <= 0 {
            self.fuel.add(1, Relaxed);
            return false;
        }
        self.steps.0.add(1u32, Relaxed);
        true
    }

    /// Puts a thing into a slot, or empties it. Returns the previous content.
    fn exchange(&self, random: &mut Random, thing: Option<Thing>) -> Option<Thing> {
        let slot = random.below(SLOTS as u32) as usize;
        match self.slots.lock().get_mut(slot) {
            Some(slot) => replace(slot, thing),
            None => thing,
        }
    }

    fn take_all(&self) -> [Option<Thing>; SLOTS] {
        replace(&mut *self.slots.lock(), [const { None }; SLOTS])
    }
}

/// Makes random choices when it is dropped.
struct End {
    shared: Arc<Shared>,
    /// Made by a drop: this one does nothing, so that there is an end.
    quiet: bool,
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.quiet {
            let mut actor = Actor::new(&self.shared, None);
            actor.quiet = true;
            actor.do_some(2);
        }
    }
}

/// Handler, watcher of ids and watcher of sockets in one.
#[pin_data]
struct Node {
    end: End,
    #[pin]
    own: Mutex<Option<Thing>>,
}

impl Node {
    fn new(shared: &Arc<Shared>, quiet: bool) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                end: End { shared: shared.clone(), quiet },
                own <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )
    }

    fn exchange(&self, thing: Option<Thing>) -> Option<Thing> {
        replace(&mut *self.own.lock(), thing)
    }
}

/// Makes random choices, in any context.
struct Actor<'a> {
    shared: &'a Arc<Shared>,
    node: Option<&'a Node>,
    random: Random,
    quiet: bool,
}

impl<'a> Actor<'a> {
    fn new(shared: &'a Arc<Shared>, node: Option<&'a Node>) -> Self {
        Self {
            shared,
            node,
            random: Random::new(),
            quiet: false,
        }
    }

    fn do_some(&mut self, most: u32) {
        for _ in 0..self.random.below(most.saturating_add(1)) {
            if !self.shared.spend() {
                return;
            }
            // A refusal is one of the expected outcomes.
            let _ = self.step();
        }
    }

    fn step(&mut self) -> Result {
        match self.random.below(17) {
            0..=4 => {
                let made = self.make()?;
                drop(self.shared.exchange(&mut self.random, Some(made)));
            }
            5 => forget(self.make()?),
            6 => {
                let made = self.make()?;
                drop(self.node.and_then(|node| node.exchange(Some(made))));
            }
            7 | 8 => drop(self.shared.exchange(&mut self.random, None)),
            9 => forget(self.shared.exchange(&mut self.random, None)),
            10 => {
                let other = self.shared.exchange(&mut self.random, None);
                drop(self.node.and_then(|node| node.exchange(other)));
            }
            11 => drop(self.node.and_then(|node| node.exchange(None))),
            12 => self.send_to_group()?,
            13 => self.send_to_port()?,
            14 => fsleep(Delta::from_micros(self.random.below(2000).into())),
            15 => begin_work(self.shared)?,
            _ => {
                has_listeners(self.random.id())?;
                visit_listeners(IDX, |_| ())?;
            }
        }
        Ok(())
    }

    fn make(&mut self) -> Result<Thing> {
        let node = Node::new(self.shared, self.quiet)?;
        let which = self.random.below(8);
        if which < 2 && self.shared.watches.fetch_add(1u32, Relaxed) < WATCHES {
            return Ok(match which {
                0 => Thing::Watch(Watch::new(node)?),
                _ => Thing::Sockets(SocketWatch::new(node)?),
            });
        }
        let options = Options::new().access(Access::Public);
        let options = match self.random.below(2) {
            0 => options.open_group(),
            _ => options.description(c"does random things"),
        };
        // One handler may have several ids.
        if let Ok(more) =
            Registration::with_options(self.random.id(), c"more", node.clone(), options)
        {
            drop(
                self.shared
                    .exchange(&mut self.random, Some(Thing::Registration(more.into()))),
            );
        }
        let registration = Registration::with_options(self.random.id(), c"random", node, options)?;
        Ok(Thing::Registration(registration.into()))
    }

    fn send_to_group(&mut self) -> Result {
        let id = self.random.id();
        match self.random.below(4) {
            0 => Outgoing::new(id, "random").send(GFP_KERNEL)?,
            1 => Draft::new(id, 100).send(GFP_KERNEL, |payload| {
                payload.fill(7);
                Ok(payload.len())
            })?,
            2 => {
                let mut bundle = Bundle::new(id, 0, 200, GFP_KERNEL)?;
                while bundle.push(&Outgoing::new(id, "random")).is_ok() {}
                bundle.send(GFP_KERNEL)?;
            }
            _ => {
                let mut number = 0u32;
                let mut filter = |_: &connector::Listener<'_>| {
                    number = number.wrapping_add(1);
                    number % 2 == 0
                };
                let listeners = Listeners::of_group(IDX).filter(&mut filter);
                Outgoing::new(id, "random").send_to(listeners, GFP_KERNEL)?;
            }
        }
        Ok(())
    }

    fn send_to_port(&mut self) -> Result {
        let port = Port(u32::clone(&module_parameters::port.value()));
        let message = Outgoing::new(self.random.id(), "random");
        match self.random.below(2) {
            0 => message.send_to(port, GFP_ATOMIC)?,
            _ => message.send_to(port.within(Delta::from_millis(1)), GFP_KERNEL)?,
        }
        Ok(())
    }
}

impl Handler for Node {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        let shared = &self.end.shared;
        shared.fuel.store(FUEL, Relaxed);
        Actor::new(shared, Some(self)).do_some(8);
        let steps = shared.steps.0.load(Relaxed);
        match message.seq() % 4 {
            0 => sender.reply(message, &steps),
            1 => sender.reply_with(message, 8, |payload| Ok(payload.len())),
            2 => Err(EDOM),
            _ => Ok(()),
        }
    }

    fn permits(&self, _sender: &Sender<'_>) -> bool {
        Random::new().below(16) > 0
    }
}

impl Watcher for Node {
    fn changed(&self, _id: Id, _change: Change) {
        Actor::new(&self.end.shared, Some(self)).do_some(1);
    }
}

impl SocketWatcher for Node {
    fn changed(&self, _change: SocketChange) {
        Actor::new(&self.end.shared, Some(self)).do_some(2);
    }
}

/// In one of four modules: those with work items have to wait for them.
fn has_works() -> bool {
    u32::clone(&module_parameters::seed.value()) % 4 == 0
}

fn begin_work(shared: &Arc<Shared>) -> Result {
    if !has_works() {
        return Ok(());
    }
    WORKING.fetch_add(1, Full);
    if LEAVING.load(Acquire) != 0 {
        WORKING.fetch_add(-1, Full);
        return Err(ENODEV);
    }
    let shared = shared.clone();
    let begun = workqueue::system().try_spawn(GFP_KERNEL, move || {
        Actor::new(&shared, None).do_some(3);
        drop(shared);
        WORKING.fetch_add(-1, Full);
    });
    if begun.is_err() {
        WORKING.fetch_add(-1, Full);
    }
    Ok(begun?)
}

/// A work item that has counted itself out has a few instructions left. The kernel offers no way to
/// wait for them.
fn end_works() {
    LEAVING.store(1, Relaxed);
    if has_works() {
        while WORKING.fetch_add(0, Full) > 0 {
            fsleep(Delta::from_millis(1));
        }
        fsleep(Delta::from_millis(50));
    }
}

struct RandomModule {
    shared: Arc<Shared>,
}

impl RandomModule {
    fn start(&self) -> Result {
        let control = Node::new(&self.shared, true)?;
        let options = Options::new().access(Access::Public).open_group();
        forget(Registration::with_options(
            Id::new(IDX, 0),
            c"random",
            control,
            options,
        )?);
        let mut actor = Actor::new(&self.shared, None);
        actor.do_some(12);
        if actor.random.below(8) == 0 {
            fsleep(Delta::from_micros(actor.random.below(3000).into()));
            return Err(EAGAIN);
        }
        Ok(())
    }
}

impl kernel::Module for RandomModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let module = Self {
            shared: Shared::new()?,
        };
        module.start()?;
        Ok(module)
    }
}

impl Drop for RandomModule {
    fn drop(&mut self) {
        end_works();
        // Or leaves that to the connector.
        if Random::new().below(2) == 0 {
            drop(self.shared.take_all());
        }
    }
}
