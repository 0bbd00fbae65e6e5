// SPDX-License-Identifier: GPL-2.0

//! Test module: handlers and watchers that own registrations and watches, their own and each other's,
//! and drop them inside calls. The user side is `../unload/owners.c`.

#![deny(unsafe_code)]

use connector::{
    Access, AnyRegistration, Change, Handler, Id, Message, Options, Registration, Sender,
    SocketChange, SocketWatch, SocketWatcher, Watch, Watcher,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Mutex,
    },
};

module! {
    type: OwnersModule,
    name: "cn_rust_owners",
    authors: ["The connector-rs authors"],
    description: "Handlers and watchers that own registrations and watches",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
    params: {
        shape: u32 {
            default: 0,
            description: "Who owns what, see unload/owners.c",
        },
        fail: u32 {
            default: 0,
            description: "Whether the module fails to start when all is made",
        },
    },
}

const IDX: u32 = 41;
/// At an event of this id, the watchers drop the objects that they own.
const TRIGGER: u32 = 9999;
/// Replies with the number of nodes in memory.
const NODE_COUNTER: u32 = 9998;
const LONG: u32 = 1000;

/// The number of nodes in memory.
static ALIVE: Atomic<i32> = Atomic::new(0);

enum Owned {
    Registration(#[expect(dead_code)] AnyRegistration),
    Watch(#[expect(dead_code)] Watch<Node>),
    Sockets(#[expect(dead_code)] SocketWatch<Node>),
}

/// A node, as long as it is in memory.
struct Counted;

impl Counted {
    fn new() -> Self {
        ALIVE.add(1, Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if ALIVE.fetch_add(-1, Relaxed) == 1 {
            pr_info!("none is left\n");
        }
    }
}

/// Handler, watcher of ids and of sockets in one.
#[pin_data]
struct Node {
    _counted: Counted,
    #[pin]
    owned: Mutex<KVec<Owned>>,
}

impl Node {
    fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                _counted: Counted::new(),
                owned <- new_mutex!(KVec::new()),
            }),
            GFP_KERNEL,
        )
    }

    fn owns(&self, owned: Owned) -> Result {
        Ok(self.owned.lock().push(owned, GFP_KERNEL)?)
    }

    /// The lock is not held while they are dropped.
    fn drop_owned(&self) {
        let owned = core::mem::take(&mut *self.owned.lock());
        drop(owned);
    }
}

impl Handler for Node {
    /// Drops the owned objects on request of the payload, and replies with the number of nodes.
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        if message.payload().first() == Some(&1) {
            self.drop_owned();
        }
        sender.reply(message, &ALIVE.load(Relaxed))
    }
}

impl Watcher for Node {
    fn changed(&self, id: Id, change: Change) {
        if id == Id::new(IDX, TRIGGER) && change == Change::Registered {
            self.drop_owned();
        }
    }
}

impl SocketWatcher for Node {
    fn changed(&self, change: SocketChange) {
        if let SocketChange::Closed(_) = change {
            self.drop_owned();
        }
    }
}

fn register(val: u32, node: &Arc<Node>) -> Result<Owned> {
    let options = Options::new().access(Access::Public);
    let registration =
        Registration::with_options(Id::new(IDX, val), c"owners", node.clone(), options)?;
    Ok(Owned::Registration(registration.into()))
}

fn watch(node: &Arc<Node>) -> Result<Owned> {
    Ok(Owned::Watch(Watch::new(node.clone())?))
}

fn watch_sockets(node: &Arc<Node>) -> Result<Owned> {
    Ok(Owned::Sockets(SocketWatch::new(node.clone())?))
}

/// A list of handlers, each of which owns the registration of the next one. Returns the first and
/// the last.
fn chain(length: u32) -> Result<(Arc<Node>, Arc<Node>)> {
    let first = Node::new()?;
    let mut last = first.clone();
    for val in 2..=length {
        let next = Node::new()?;
        last.owns(register(val, &next)?)?;
        last = next;
    }
    Ok((first, last))
}

/// The objects that the module itself owns.
type Held = KVec<Owned>;

fn build(shape: u32) -> Result<Held> {
    let mut held = Held::new();
    let (a, b) = (Node::new()?, Node::new()?);
    match shape {
        // A handler owns its own registration.
        0 => a.owns(register(1, &a)?)?,
        // Two handlers own each other's.
        1 => {
            a.owns(register(1, &b)?)?;
            b.owns(register(2, &a)?)?;
        }
        // A chain, which the module begins to drop.
        2 => held.push(register(1, &chain(LONG)?.0)?, GFP_KERNEL)?,
        // A chain that is closed to a ring.
        3 => {
            let (first, last) = chain(LONG)?;
            last.owns(register(1, &first)?)?;
        }
        // A watcher owns registrations.
        4 => {
            a.owns(register(1, &b)?)?;
            a.owns(register(2, &b)?)?;
            held.push(watch(&a)?, GFP_KERNEL)?;
        }
        // A watcher owns its own watch.
        5 => a.owns(watch(&a)?)?,
        // A watcher of sockets owns a registration, whose handler owns the watch of the sockets.
        6 => {
            a.owns(register(1, &b)?)?;
            b.owns(watch_sockets(&a)?)?;
        }
        // A handler owns two watches, whose watcher owns its registration.
        7 => {
            a.owns(watch(&b)?)?;
            a.owns(watch_sockets(&b)?)?;
            b.owns(register(1, &a)?)?;
        }
        // A watcher of sockets owns registrations.
        8 => {
            a.owns(register(1, &b)?)?;
            a.owns(register(2, &b)?)?;
            held.push(watch_sockets(&a)?, GFP_KERNEL)?;
        }
        // Dropped in calls: a handler and watchers own a handler, which owns one more and two watches.
        _ => {
            let last = Node::new()?;
            a.owns(register(2, &b)?)?;
            b.owns(register(3, &last)?)?;
            b.owns(watch(&last)?)?;
            b.owns(watch_sockets(&last)?)?;
            let outer = match shape {
                9 => register(1, &a)?,
                10 => watch(&a)?,
                _ => watch_sockets(&a)?,
            };
            held.push(outer, GFP_KERNEL)?;
            held.push(register(NODE_COUNTER, &Node::new()?)?, GFP_KERNEL)?;
        }
    }
    Ok(held)
}

struct OwnersModule {
    _held: Held,
}

impl kernel::Module for OwnersModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let held = build(u32::clone(&module_parameters::shape.value()))?;
        if u32::clone(&module_parameters::fail.value()) != 0 {
            return Err(EAGAIN);
        }
        Ok(Self { _held: held })
    }
}
