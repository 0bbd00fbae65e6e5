// SPDX-License-Identifier: GPL-2.0

//! The registrations and watches of an open file.

use crate::{
    command::Command,
    handler::{Behaviour, TestHandler},
};
use connector::{
    Change, Id, Outgoing, Port, Registration, SocketChange, SocketWatch, SocketWatcher, Watch,
    Watcher,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
    time::Delta,
};

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

/// Sends to a port when a socket is closed.
struct SendOnClose {
    id: Id,
    port: Port,
}

impl SocketWatcher for SendOnClose {
    fn changed(&self, change: SocketChange) {
        if let SocketChange::Closed(_) = change {
            let time = Delta::from_millis(50);
            // The test reports a missing message.
            let _ = Outgoing::new(self.id, b"closed").send_to(self.port.within(time), GFP_KERNEL);
        }
    }
}

/// Records registered and unregistered ids.
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

/// The registrations of one open file.
#[pin_data]
pub(crate) struct Client {
    #[pin]
    registrations: Mutex<KVec<Registration<TestHandler>>>,
    #[pin]
    watch: Mutex<Option<Watch<Log>>>,
    #[pin]
    socket_watch: Mutex<Option<SocketWatch<SendOnClose>>>,
    log: Arc<Log>,
}

impl Client {
    pub(crate) fn new() -> Result<Arc<Self>> {
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

    /// Ends all registrations. The handlers refer to the client, so this must not be left to its
    /// drop.
    pub(crate) fn end(&self) {
        let registrations = core::mem::take(&mut *self.registrations.lock());
        drop(registrations);
    }

    /// The events that the watch saw of an id, see [`SEEN`](crate::SEEN).
    pub(crate) fn seen_of(&self, id: Id) -> isize {
        self.log.seen_of(id)
    }

    pub(crate) fn add_named(self: &Arc<Self>, command: &Command) -> Result<isize> {
        let handler = TestHandler::new(Behaviour::Echo, None, self.clone())?;
        let name = NAMES.get(command.what as usize).ok_or(ERANGE)?;
        let registration = Registration::new(command.id, name, handler)?;
        self.registrations.lock().push(registration, GFP_KERNEL)?;
        Ok(0)
    }

    pub(crate) fn add(self: &Arc<Self>, command: &Command, ids: &[Id]) -> Result<isize> {
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
    pub(crate) fn watch(&self, start: bool) -> Result<isize> {
        let new = if start {
            Some(Watch::new(self.log.clone())?)
        } else {
            None
        };
        let old = core::mem::replace(&mut *self.watch.lock(), new);
        drop(old);
        Ok(0)
    }

    /// Replaces the previous watch.
    pub(crate) fn send_on_close(&self, id: Id, port: Port) -> Result<isize> {
        let watcher = Arc::new(SendOnClose { id, port }, GFP_KERNEL)?;
        let new = SocketWatch::new(watcher)?;
        let old = self.socket_watch.lock().replace(new);
        drop(old);
        Ok(0)
    }

    /// The lock is given back before the drop, which may wait.
    pub(crate) fn delete(&self, id: Id) -> Result {
        let registration = {
            let mut registrations = self.registrations.lock();
            let index = registrations.iter().position(|one| one.id() == id);
            registrations.remove(index.ok_or(ENOENT)?)
        };
        drop(registration.map_err(|_| ENOENT)?);
        Ok(())
    }
}
