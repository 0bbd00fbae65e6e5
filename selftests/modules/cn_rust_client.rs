// SPDX-License-Identifier: GPL-2.0

//! Test module: drives the crate `connector` from user space, through `/dev/cn-rust-client`.
//!
//! Each open file has registrations of its own, which end when it is closed. The commands are
//! ioctls with an array of eight numbers, see [`Command`]; what a call of the crate returns is what
//! the ioctl returns. The user side is `../cn_rust_client.h`.

use connector::{
    group_has_listeners, has_listeners, Access, Bundle, Capability, Change, Draft, Handler, Id,
    Listener, Listeners, Message, Options, Outgoing, Port, Registration, SendError, Sender,
    SocketChange, SocketWatch, SocketWatcher, Watch, Watcher, Writer,
};
use core::fmt::Write as _;
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
use zerocopy_derive::Immutable;

/// What an ioctl is given.
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
/// Sends to those of the id's group whose socket has a number; returns how many were asked.
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
/// Returns what the watch saw of an id, oldest first: 1 for registered, 2 for unregistered.
const SEEN: u32 = _IOW::<Numbers>('c' as u32, 16);
/// Sends to a port, and waits so many milliseconds at most.
const SEND_WITHIN: u32 = _IOW::<Numbers>('c' as u32, 17);
const WRITE_DRAFT: u32 = _IOW::<Numbers>('c' as u32, 18);
/// From now on, the watch of sockets sends to a port whenever one is closed, and waits a while.
const SEND_ON_CLOSE: u32 = _IOW::<Numbers>('c' as u32, 19);

/// Writes into a bundle until it is full; returns how much room there was at first.
const ROOM: u32 = _IOW::<Numbers>('c' as u32, 20);
/// Registers a handler under one of some [`NAMES`].
const ADD_NAMED: u32 = _IOW::<Numbers>('c' as u32, 21);

/// Names of which the first ones are refused.
const NAMES: [&CStr; 8] = [
    c"",
    c"a\nb 1:1",
    c"\x01",
    c"tab\t",
    c"\x7f",
    c"the control character is behind what is shown\r",
    c" ",
    c"na\xc3\xafve ~",
];

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
    /// Takes the payload for a value of a type, see [`TestHandler::read`].
    Read(u32),
    /// Replies with what it knows of the sender.
    Describe,
    /// Replies with the payload backwards, written in place.
    Reverse,
    /// Replies against the rules: `seq` one larger, `ack` as it came.
    Raw,
    /// Replies with the payload, and waits that many milliseconds at most for room.
    Within(u32),
    /// Replies with a [`Bundle`] that has the payload in it.
    Bundle,
}

/// What [`Behaviour::Describe`] replies.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Description {
    portid: u32,
    uid: u32,
    is_net_admin: u32,
    is_sys_admin: u32,
    socket: [u32; 2],
}

/// How many handlers are in memory.
static ALIVE_HANDLERS: Atomic<u32> = Atomic::new(0);
/// How often handlers were called.
static HANDLER_CALLS: Atomic<u32> = Atomic::new(0);

/// How often the payload of a [`Draft`] was written.
static DRAFTS_WRITTEN: Atomic<u32> = Atomic::new(0);

struct TestHandler {
    behaviour: Behaviour,
    /// The only user it wants to hear of.
    user: Option<u32>,
    client: Arc<Client>,
}

impl TestHandler {
    fn new(behaviour: Behaviour, user: Option<u32>, client: Arc<Client>) -> Result<Arc<Self>> {
        let handler = Self {
            behaviour,
            user,
            client,
        };
        // Without memory it is dropped, too.
        ALIVE_HANDLERS.add(1u32, Relaxed);
        Ok(Arc::new(handler, GFP_KERNEL)?)
    }

    /// Replies with a value that came as the payload.
    fn read(&self, how: u32, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        match how {
            0 => {
                let [first, second] = *message.payload_as::<[u32; 2]>()?;
                sender.reply(message, &[second, first])
            }
            1 => {
                let (_, rest) = message.payload_prefix::<u32>()?;
                sender.reply(message, rest)
            }
            2 => sender.reply(message, &message.read_payload::<u64>()?.wrapping_add(1)),
            _ => Err(EINVAL),
        }
    }

    fn describe(sender: &Sender<'_>) -> Description {
        let socket = sender.socket().number();
        Description {
            portid: sender.portid(),
            uid: sender.uid(),
            is_net_admin: sender.capable(Capability::NET_ADMIN).into(),
            is_sys_admin: sender.capable(Capability::SYS_ADMIN).into(),
            socket: [socket as u32, (socket >> 32) as u32],
        }
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
            Behaviour::Read(how) => return self.read(how, message, sender),
            Behaviour::Describe => return sender.reply(message, &Self::describe(sender)),
            Behaviour::Reverse => {
                let len = message.payload().len();
                return sender.reply_with(message, len as u16, |reply| {
                    for (to, from) in reply.iter_mut().zip(message.payload().iter().rev()) {
                        *to = *from;
                    }
                    Ok(len)
                });
            }
            Behaviour::Within(milliseconds) => {
                let time = Delta::from_millis(milliseconds.into());
                return sender.reply_within(message, message.payload(), time);
            }
            Behaviour::Bundle => {
                let mut bundle = Bundle::new(message.id(), message.seq(), u16::MAX, GFP_KERNEL)?;
                bundle.push(&Outgoing::reply_to(message, message.payload()))?;
                return Ok(bundle.send_to(sender.without_waiting(), GFP_KERNEL)?);
            }
            Behaviour::Raw => {
                let reply = Outgoing::new(message.id(), message.payload())
                    .seq(message.seq().wrapping_add(1))
                    .ack(message.ack())
                    .flags(message.flags());
                return Ok(sender.reply_raw(&reply)?);
            }
        }
        sender.reply(message, message.payload())
    }

    fn permits(&self, sender: &Sender<'_>) -> bool {
        self.user.is_none_or(|user| user == sender.uid())
    }
}

/// Sends to a port when a socket is closed.
struct SendOnClose {
    id: Id,
    port: Port,
}

impl SocketWatcher for SendOnClose {
    fn changed(&self, change: SocketChange) {
        if let SocketChange::Closed(_) = change {
            let time = Delta::from_millis(50);
            // Who does not get it says so.
            let _ = Outgoing::new(self.id, b"closed").send_to(self.port.within(time), GFP_KERNEL);
        }
    }
}

/// Remembers what came and went.
#[pin_data]
struct Log {
    #[pin]
    changes: Mutex<KVec<(Id, Change)>>,
}

impl Log {
    fn seen_of(&self, id: Id) -> isize {
        let changes = self.changes.lock();
        let of_id = changes.iter().filter(|(one, _)| *one == id);
        of_id.fold(0, |seen: isize, (_, change)| {
            let digit = match change {
                Change::Registered => 1,
                Change::Unregistered => 2,
            };
            seen.wrapping_mul(10).wrapping_add(digit)
        })
    }
}

impl Watcher for Log {
    fn changed(&self, id: Id, change: Change) {
        let _ = self.changes.lock().push((id, change), GFP_KERNEL);
    }
}

/// The numbers of a command.
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
    /// ADD: who may send, see [`Command::options`]. SEND...: what else is to be known.
    access: u32,
    /// ADD: the argument of that.
    access_argument: u32,
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
            4 => Ok(Behaviour::Read(self.argument)),
            5 => Ok(Behaviour::Describe),
            6 => Ok(Behaviour::Reverse),
            7 => Ok(Behaviour::Raw),
            8 => Ok(Behaviour::Within(self.argument)),
            9 => Ok(Behaviour::Bundle),
            _ => Err(EINVAL),
        }
    }

    fn options(&self) -> Result<Options> {
        let options = Options::new();
        match self.access {
            // Not said otherwise.
            0 => Ok(options),
            1 => Ok(options.access(Access::Public)),
            2 => {
                let capability = Capability::new(self.access_argument).ok_or(EINVAL)?;
                Ok(options.access(Access::Capability(capability)))
            }
            // See `user()`.
            3 => Ok(options.access(Access::Public)),
            4 => Ok(options.open_group().description(c"test of the open group")),
            _ => Err(EINVAL),
        }
    }

    fn user(&self) -> Option<u32> {
        (self.access == 3).then_some(self.access_argument)
    }

    fn flags(&self) -> kernel::alloc::Flags {
        if self.atomic == 0 {
            GFP_KERNEL
        } else {
            GFP_ATOMIC
        }
    }

    fn with_message(
        &self,
        send: impl FnOnce(&Outgoing<'_>, kernel::alloc::Flags) -> Result<(), SendError>,
    ) -> Result<isize> {
        let mut payload = KVVec::<u8>::new();
        payload.resize(self.argument as usize, 0x5a, GFP_KERNEL)?;
        let message = Outgoing::new(self.id, payload.as_slice()).seq(self.second);
        send(&message, self.flags())?;
        Ok(0)
    }

    fn send_filtered(&self) -> Result<isize> {
        let mut asked = 0isize;
        self.with_message(|message, flags| {
            let mut filter = |listener: &Listener<'_>| {
                asked = asked.wrapping_add(1);
                listener.socket().number() == u64::from(self.access)
            };
            message.send_to(Listeners::of_id().filter(&mut filter), flags)
        })?;
        Ok(asked)
    }

    /// In place; `access` is the length that is said to have been written.
    fn send_draft(&self) -> Result<isize> {
        let draft = Draft::new(self.id, self.argument as u16).seq(self.second);
        let write = |payload: &mut [u8]| {
            DRAFTS_WRITTEN.add(1u32, Relaxed);
            if !payload.iter().all(|byte| *byte == 0) {
                return Err(EILSEQ);
            }
            payload.fill(0x5a);
            Ok(self.access as usize)
        };
        if self.what == 0 {
            draft.send(self.flags(), write)?;
        } else {
            draft.send_to(Port(self.what), self.flags(), write)?;
        }
        Ok(0)
    }

    /// In place, part by part: `access` as a text, as a number, and as so many bytes.
    fn write_draft(&self) -> Result<isize> {
        let draft = Draft::new(self.id, self.argument as u16).seq(self.second);
        let write = |payload: &mut Writer<'_>| {
            DRAFTS_WRITTEN.add(1u32, Relaxed);
            write!(payload, "{}", self.access).map_err(|_| SendError::TooLong)?;
            payload.push(&self.access)?;
            if let Some(first) = payload.fill(0x5a, self.access as usize)?.first_mut() {
                *first = 0x41;
            }
            // What has no room leaves no trace.
            let room = payload.room();
            let filled = payload.fill(0xff, room.wrapping_add(1)).map(|_| ());
            match filled {
                Err(SendError::TooLong) if payload.room() == room => Ok(()),
                _ => Err(SendError::Other(EILSEQ)),
            }
        };
        if self.what == 0 {
            draft.write(self.flags(), write)?;
        } else {
            draft.write_to(Port(self.what), self.flags(), write)?;
        }
        Ok(0)
    }

    /// `argument` messages of `access` bytes, the last one written in place, in a bundle of
    /// `access_argument` bytes.
    fn send_bundle(&self) -> Result<isize> {
        let capacity = self.access_argument as u16;
        let mut bundle = Bundle::new(self.id, self.second, capacity, self.flags())?;
        let mut payload = KVVec::<u8>::new();
        payload.resize(self.access as usize, 0x5a, GFP_KERNEL)?;
        for number in 1..self.argument {
            if number & 1 != 0 {
                bundle.push(&Outgoing::new(self.id, payload.as_slice()).seq(number))?;
                continue;
            }
            let draft = Draft::new(self.id, self.access as u16).seq(number);
            let failed = bundle.write(&draft, |rest| {
                rest.fill(0xff, rest.room())?;
                Err(SendError::Other(EXDEV))
            });
            if !matches!(failed, Err(SendError::Other(EXDEV))) {
                return Err(EILSEQ);
            }
            bundle.write(&draft, |rest| rest.push(payload.as_slice()))?;
        }
        if self.argument > 0 {
            let last = Draft::new(self.id, self.access as u16).seq(self.argument);
            let failed = bundle.push_with(&last, |payload| {
                payload.fill(0xff);
                Err(EXDEV)
            });
            match failed {
                Err(SendError::Other(EXDEV)) => (),
                Err(error) => return Err(error.into()),
                Ok(()) => return Err(EILSEQ),
            }
            bundle.push_with(&last, |payload| {
                let is_clean = payload.iter().all(|byte| *byte == 0);
                payload.fill(0x5a);
                is_clean.then_some(payload.len()).ok_or(EILSEQ)
            })?;
        }
        if self.what == 0 {
            bundle.send(self.flags())?;
        } else {
            bundle.send_to(Port(self.what), self.flags())?;
        }
        Ok(0)
    }

    /// A draft of up to `access` bytes in a bundle of `argument` bytes: what the writer says has to be
    /// what can be written.
    fn room(&self) -> Result<isize> {
        let mut bundle = Bundle::new(self.id, 0, self.argument as u16, self.flags())?;
        let draft = Draft::new(self.id, self.access as u16);
        let mut payload = KVVec::<u8>::new();
        payload.resize(u16::MAX as usize + 1, 0x5a, GFP_KERNEL)?;
        let mut first = 0;
        bundle.write(&draft, |writer| {
            first = writer.room();
            let long = payload.get(..first + 1).ok_or(ERANGE)?;
            let short = payload.get(..1).ok_or(ERANGE)?;
            let refused = writer.push(long) == Err(SendError::TooLong)
                && writer.fill(0, first + 1).is_err()
                && writer.room() == first;
            if !refused {
                return Err(SendError::Other(EILSEQ));
            }
            while let Some(left) = writer.room().checked_sub(1) {
                writer.push(short)?;
                if writer.room() != left {
                    return Err(SendError::Other(EILSEQ));
                }
            }
            match writer.push(short) {
                Err(SendError::TooLong) if writer.room() == 0 => Ok(()),
                _ => Err(SendError::Other(EILSEQ)),
            }
        })?;
        Ok(first as isize)
    }

    fn has_listeners(&self) -> Result<isize> {
        let yes = if self.what == 0 {
            has_listeners(self.id)?
        } else {
            group_has_listeners(self.what)?
        };
        Ok(yes.into())
    }
}

/// The registrations of one open file.
#[pin_data]
struct Client {
    #[pin]
    registrations: Mutex<KVec<Registration<TestHandler>>>,
    #[pin]
    watch: Mutex<Option<Watch<Log>>>,
    #[pin]
    socket_watch: Mutex<Option<SocketWatch<SendOnClose>>>,
    log: Arc<Log>,
}

impl Client {
    fn add_named(self: &Arc<Self>, command: &Command) -> Result<isize> {
        let handler = TestHandler::new(Behaviour::Echo, None, self.clone())?;
        let name = NAMES.get(command.what as usize).ok_or(ERANGE)?;
        let registration = Registration::new(command.id, name, handler)?;
        self.registrations.lock().push(registration, GFP_KERNEL)?;
        Ok(0)
    }

    fn add(self: &Arc<Self>, command: &Command, ids: &[Id]) -> Result<isize> {
        let handler = TestHandler::new(command.behaviour()?, command.user(), self.clone())?;
        for &id in ids {
            let name = c"rust-client";
            let registration = if command.access == 0 {
                Registration::new(id, name, handler.clone())?
            } else {
                Registration::with_options(id, name, handler.clone(), command.options()?)?
            };
            self.registrations.lock().push(registration, GFP_KERNEL)?;
        }
        Ok(0)
    }

    /// The lock is given back before the drop of an old one, which may wait.
    fn watch(&self, start: bool) -> Result<isize> {
        let new = if start {
            Some(Watch::new(self.log.clone())?)
        } else {
            None
        };
        let old = core::mem::replace(&mut *self.watch.lock(), new);
        drop(old);
        Ok(0)
    }

    /// What was watched before is not any more.
    fn send_on_close(&self, id: Id, port: Port) -> Result<isize> {
        let watcher = Arc::new(SendOnClose { id, port }, GFP_KERNEL)?;
        let new = SocketWatch::new(watcher)?;
        let old = self.socket_watch.lock().replace(new);
        drop(old);
        Ok(0)
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
        let log = Arc::pin_init(
            pin_init!(Log {
                changes <- new_mutex!(KVec::new()),
            }),
            GFP_KERNEL,
        )?;
        Arc::pin_init(
            pin_init!(Self {
                registrations <- new_mutex!(KVec::new()),
                watch <- new_mutex!(None),
                socket_watch <- new_mutex!(None),
                log,
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
        let [idx, val, what, argument, second, atomic, access, access_argument] =
            reader.read::<Numbers>()?;
        let id = Id::new(idx, val);
        let command = Command {
            id,
            what,
            argument,
            second,
            atomic,
            access,
            access_argument,
        };
        match number {
            ADD => Arc::from(client).add(&command, &[id]),
            ADD_TWICE => Arc::from(client).add(&command, &[id, Id::new(idx, val.wrapping_add(1))]),
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
            SEEN => Ok(client.log.seen_of(id)),
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
