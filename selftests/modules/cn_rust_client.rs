// SPDX-License-Identifier: GPL-2.0

//! Test module: drives the crate `connector` from user space, through `/dev/cn-rust-client`.
//!
//! Each open file has registrations of its own, which end when it is closed. The commands are
//! ioctls with an array of eight numbers, see [`Command`]. The ioctl returns the result of the
//! crate's function. The user side is `../cn_rust_client.h`.

#[path = "cn_rust_client/client.rs"]
mod client;
#[path = "cn_rust_client/command.rs"]
mod command;
#[path = "cn_rust_client/handler.rs"]
mod handler;

use client::Client;
use command::Command;
use connector::{Id, Listeners, Port};
use handler::{ALIVE_HANDLERS, DRAFTS_WRITTEN, HANDLER_CALLS};
use kernel::{
    fs::File,
    ioctl::{_IOC_SIZE, _IOW},
    miscdevice::{MiscDevice, MiscDeviceOptions, MiscDeviceRegistration},
    prelude::*,
    sync::{atomic::Relaxed, Arc},
    time::Delta,
    uaccess::{UserPtr, UserSlice},
};

/// The argument of an ioctl, see [`Command`].
type Numbers = [u32; 8];

const ADD: u32 = _IOW::<Numbers>('c' as u32, 1);
const DELETE: u32 = _IOW::<Numbers>('c' as u32, 2);
const SEND: u32 = _IOW::<Numbers>('c' as u32, 3);
const SEND_TO_GROUP: u32 = _IOW::<Numbers>('c' as u32, 4);
const SEND_TO_PORT: u32 = _IOW::<Numbers>('c' as u32, 5);
/// Returns how many handlers are in memory.
const ALIVE: u32 = _IOW::<Numbers>('c' as u32, 6);
/// Returns how many calls of handlers there were.
const CALLS: u32 = _IOW::<Numbers>('c' as u32, 7);
/// Registers one handler under an id and the next one.
const ADD_TWICE: u32 = _IOW::<Numbers>('c' as u32, 8);
/// Sends to the group but not to a port.
const SEND_EXCEPT: u32 = _IOW::<Numbers>('c' as u32, 9);
/// Sends to those of the id's group whose socket has a number; returns how many were queried.
const SEND_FILTERED: u32 = _IOW::<Numbers>('c' as u32, 10);
/// Sends a message that is written in place.
const SEND_DRAFT: u32 = _IOW::<Numbers>('c' as u32, 11);
/// Returns how often such a message was written.
const WRITTEN: u32 = _IOW::<Numbers>('c' as u32, 12);
/// Sends several messages at once.
const SEND_BUNDLE: u32 = _IOW::<Numbers>('c' as u32, 13);
/// Returns whether anybody listens to a group, or to that of an id.
const HAS_LISTENERS: u32 = _IOW::<Numbers>('c' as u32, 14);
/// Starts or ends the watch of registrations.
const WATCH: u32 = _IOW::<Numbers>('c' as u32, 15);
/// Returns the events that the watch saw of an id, oldest first: 1 for registered, 2 for
/// unregistered.
const SEEN: u32 = _IOW::<Numbers>('c' as u32, 16);
/// Sends to a port, and waits at most the given number of milliseconds.
const SEND_WITHIN: u32 = _IOW::<Numbers>('c' as u32, 17);
const WRITE_DRAFT: u32 = _IOW::<Numbers>('c' as u32, 18);
/// From now on, the watch of sockets sends to a port whenever one is closed, and waits a while.
const SEND_ON_CLOSE: u32 = _IOW::<Numbers>('c' as u32, 19);
/// Returns what the connector can do: a bit each for native, all ids, all groups, changes of groups;
/// and the number of groups above the lowest eight bits.
const CAPABILITIES: u32 = _IOW::<Numbers>('c' as u32, 22);

/// Writes into a bundle until it is full; returns how much room there was at first.
const ROOM: u32 = _IOW::<Numbers>('c' as u32, 20);
/// Registers a handler under one of some names.
const ADD_NAMED: u32 = _IOW::<Numbers>('c' as u32, 21);

module! {
    type: ClientModule,
    name: "cn_rust_client",
    authors: ["The connector-rs authors"],
    description: "Drives the crate connector for tests",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
}

#[vtable]
impl MiscDevice for Client {
    type Ptr = Arc<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Arc<Self>> {
        Self::new()
    }

    fn release(client: Arc<Self>, _file: &File) {
        client.end();
    }

    fn ioctl(
        client: kernel::sync::ArcBorrow<'_, Self>,
        _file: &File,
        number: u32,
        argument: usize,
    ) -> Result<isize> {
        let mut reader = UserSlice::new(UserPtr::from_addr(argument), _IOC_SIZE(number)).reader();
        let command = Command::new(reader.read::<Numbers>()?);
        let (id, what, access) = (command.id, command.what, command.access);
        match number {
            ADD => Arc::from(client).add(&command, &[id]),
            ADD_TWICE => {
                Arc::from(client).add(&command, &[id, Id::new(id.idx(), id.val().wrapping_add(1))])
            }
            ADD_NAMED => Arc::from(client).add_named(&command),
            DELETE => client.delete(id).map(|()| 0),
            SEND => command.with_message(|message, flags| message.send(flags)),
            SEND_TO_GROUP => {
                command.with_message(|message, flags| message.send_to_group(what, flags))
            }
            SEND_TO_PORT => {
                command.with_message(|message, flags| message.send_to_port(what, flags))
            }
            SEND_EXCEPT => command.with_message(|message, flags| {
                let listeners = if what == 0 {
                    Listeners::of_id()
                } else {
                    Listeners::of_group(what)
                };
                message.send_to(listeners.except(access), flags)
            }),
            SEND_WITHIN => command.with_message(|message, flags| {
                let time = Delta::from_millis(access.into());
                message.send_to(Port(what).within(time), flags)
            }),
            SEND_ON_CLOSE => client.send_on_close(id, Port(what)),
            SEND_FILTERED => command.send_filtered(),
            SEND_DRAFT => command.send_draft(),
            WRITE_DRAFT => command.write_draft(),
            SEND_BUNDLE => command.send_bundle(),
            ROOM => command.room(),
            HAS_LISTENERS => command.has_listeners(),
            WATCH => client.watch(what != 0),
            SEEN => Ok(client.seen_of(id)),
            CAPABILITIES => Ok(capabilities()),
            ALIVE => Ok(ALIVE_HANDLERS.load(Relaxed) as isize),
            CALLS => Ok(HANDLER_CALLS.load(Relaxed) as isize),
            WRITTEN => Ok(DRAFTS_WRITTEN.load(Relaxed) as isize),
            _ => Err(ENOTTY),
        }
    }
}

#[pin_data]
struct ClientModule {
    #[pin]
    _device: MiscDeviceRegistration<Client>,
}

impl kernel::InPlaceModule for ClientModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _device <- MiscDeviceRegistration::register(MiscDeviceOptions {
                name: c"cn-rust-client",
            }),
        })
    }
}

fn capabilities() -> isize {
    let can = connector::capabilities();
    [
        can.is_native(),
        can.knows_all_ids(),
        can.opens_all_groups(),
        can.notifies_of_groups(),
    ]
    .iter()
    .rev()
    .fold((can.groups() as isize) << 4, |bits, can| {
        bits << 1 | isize::from(*can)
    })
}
