// SPDX-License-Identifier: GPL-2.0

//! Test module: drives the crate `connector` from user space, through `/dev/cn-rust-client`.
//!
//! Each open file has registrations of its own, which end when it is closed. The commands are
//! ioctls with an array of six numbers, see [`Command`]; what a call of the crate returns is what
//! the ioctl returns. The user side is `../rust_api.c`.

use connector::{Handler, Id, Message, Outgoing, Registration, Sender};
use kernel::{
    fs::File,
    ioctl::{_IOC_SIZE, _IOW},
    miscdevice::{MiscDevice, MiscDeviceOptions, MiscDeviceRegistration},
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, Mutex,
    },
    time::{delay::fsleep, Delta},
    uaccess::{UserPtr, UserSlice},
};

const ADD: u32 = _IOW::<[u32; 6]>('c' as u32, 1);
const DELETE: u32 = _IOW::<[u32; 6]>('c' as u32, 2);
const SEND: u32 = _IOW::<[u32; 6]>('c' as u32, 3);
const SEND_TO_GROUP: u32 = _IOW::<[u32; 6]>('c' as u32, 4);
const SEND_TO_PORT: u32 = _IOW::<[u32; 6]>('c' as u32, 5);
/// Returns how many handlers are in memory.
const ALIVE: u32 = _IOW::<[u32; 6]>('c' as u32, 6);
/// Returns how many calls of handlers there were.
const CALLS: u32 = _IOW::<[u32; 6]>('c' as u32, 7);

module! {
    type: ClientModule,
    name: "cn_rust_client",
    authors: ["The connector-rs authors"],
    description: "Drives the crate connector for tests",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
}

/// What a handler does with a message.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Replies with the payload.
    Echo,
    /// Returns an error.
    Fail(Error),
    /// Sleeps that many milliseconds, then replies.
    Sleep(u32),
    /// Unregisters an id of the same file, maybe its own, then replies.
    Delete(Id),
}

/// How many handlers are in memory.
static ALIVE_HANDLERS: Atomic<u32> = Atomic::new(0);
/// How often handlers were called.
static HANDLER_CALLS: Atomic<u32> = Atomic::new(0);

struct TestHandler {
    behaviour: Behaviour,
    client: Arc<Client>,
}

impl TestHandler {
    fn new(behaviour: Behaviour, client: Arc<Client>) -> Result<Arc<Self>> {
        let handler = Arc::new(Self { behaviour, client }, GFP_KERNEL)?;
        ALIVE_HANDLERS.add(1u32, Relaxed);
        Ok(handler)
    }
}

impl Drop for TestHandler {
    fn drop(&mut self) {
        ALIVE_HANDLERS.fetch_sub(1u32, Relaxed);
    }
}

impl Handler for TestHandler {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        HANDLER_CALLS.add(1u32, Relaxed);
        match self.behaviour {
            Behaviour::Echo => (),
            Behaviour::Fail(error) => return Err(error),
            Behaviour::Sleep(milliseconds) => fsleep(Delta::from_millis(milliseconds.into())),
            Behaviour::Delete(id) => self.client.delete(id)?,
        }
        sender.reply(message, message.payload())
    }
}

/// The six numbers of a command.
struct Command {
    id: Id,
    /// ADD: the behaviour, see [`Command::behaviour`]. SEND...: group or port.
    what: u32,
    /// ADD: the argument of the behaviour. SEND...: length of the payload.
    argument: u32,
    /// ADD: the second argument. SEND...: `seq`.
    second: u32,
    /// SEND...: 1 to send with `GFP_ATOMIC`.
    atomic: u32,
}

impl Command {
    fn behaviour(&self) -> Result<Behaviour> {
        match self.what {
            0 => Ok(Behaviour::Echo),
            1 => Ok(Behaviour::Fail(Error::from_errno(
                -(self.argument as c_int),
            ))),
            2 => Ok(Behaviour::Sleep(self.argument)),
            3 => Ok(Behaviour::Delete(Id::new(self.argument, self.second))),
            _ => Err(EINVAL),
        }
    }

    fn with_message(
        &self,
        send: impl FnOnce(&Outgoing<'_>, kernel::alloc::Flags) -> Result,
    ) -> Result {
        let mut payload = KVVec::new();
        payload.resize(self.argument as usize, 0x5a, GFP_KERNEL)?;
        let flags = if self.atomic == 0 {
            GFP_KERNEL
        } else {
            GFP_ATOMIC
        };
        send(&Outgoing::new(self.id, &payload).seq(self.second), flags)
    }
}

/// The registrations of one open file.
#[pin_data]
struct Client {
    #[pin]
    registrations: Mutex<KVec<Registration<TestHandler>>>,
}

impl Client {
    fn add(self: &Arc<Self>, id: Id, behaviour: Behaviour) -> Result {
        let handler = TestHandler::new(behaviour, self.clone())?;
        let registration = Registration::new(id, c"rust-client", handler)?;
        Ok(self.registrations.lock().push(registration, GFP_KERNEL)?)
    }

    /// The lock is given back before the drop, which may wait.
    fn delete(&self, id: Id) -> Result {
        let registration = {
            let mut registrations = self.registrations.lock();
            let place = registrations.iter().position(|one| one.id() == id);
            registrations.remove(place.ok_or(ENOENT)?)
        };
        drop(registration.map_err(|_| ENOENT)?);
        Ok(())
    }
}

#[vtable]
impl MiscDevice for Client {
    type Ptr = Arc<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                registrations <- new_mutex!(KVec::new()),
            }),
            GFP_KERNEL,
        )
    }

    fn release(client: Arc<Self>, _file: &File) {
        // The handlers refer to the client, so this must not be left to its drop.
        let registrations = core::mem::take(&mut *client.registrations.lock());
        drop(registrations);
    }

    fn ioctl(
        client: kernel::sync::ArcBorrow<'_, Self>,
        _file: &File,
        number: u32,
        argument: usize,
    ) -> Result<isize> {
        let mut reader = UserSlice::new(UserPtr::from_addr(argument), _IOC_SIZE(number)).reader();
        let [idx, val, what, argument, second, atomic] = reader.read::<[u32; 6]>()?;
        let command = Command {
            id: Id::new(idx, val),
            what,
            argument,
            second,
            atomic,
        };
        match number {
            ADD => Arc::from(client).add(command.id, command.behaviour()?)?,
            DELETE => client.delete(command.id)?,
            SEND => command.with_message(|message, flags| message.send(flags))?,
            SEND_TO_GROUP => {
                command.with_message(|message, flags| message.send_to_group(what, flags))?;
            }
            SEND_TO_PORT => {
                command.with_message(|message, flags| message.send_to_port(what, flags))?;
            }
            ALIVE => return Ok(ALIVE_HANDLERS.load(Relaxed) as isize),
            CALLS => return Ok(HANDLER_CALLS.load(Relaxed) as isize),
            _ => return Err(ENOTTY),
        }
        Ok(0)
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
