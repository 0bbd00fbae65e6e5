// SPDX-License-Identifier: GPL-2.0

//! Sample: a store of keys and values in the kernel.
//!
//! It shows several commands, errors as answers, rights for each command, and a list as a bundle of
//! messages. Its program is `cn_store_user.c`.

use connector::{Access, Bundle, Capability, Handler, Id, Message, Options, Outgoing, Sender};
use kernel::{new_mutex, prelude::*, rbtree::RBTree, sync::Mutex};
use zerocopy_derive::{Immutable, KnownLayout};

const ID: Id = Id::new(22, 1);

/// The commands, in `flags` of a message.
const SET: u16 = 1;
const GET: u16 = 2;
const DELETE: u16 = 3;
const LIST: u16 = 4;

const MAX_ENTRIES: usize = 64;

/// The size of the largest list: a header of 20 bytes and an entry in each message.
const LIST_ROOM: u16 = (MAX_ENTRIES * (20 + size_of::<Entry>())) as u16;

/// The key of an entry, padded with zeroes.
type Key = [u8; 16];
type Value = [u8; 48];

/// The payload of `SET`, and of the replies to `GET` and `LIST`. The payload of `GET` and `DELETE`
/// is a [`Key`]; that of `LIST` is empty.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Entry {
    key: Key,
    value: Value,
}

#[pin_data]
struct Store {
    #[pin]
    values: Mutex<RBTree<Key, Value>>,
}

impl Store {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            values <- new_mutex!(RBTree::new()),
        })
    }

    fn set(&self, entry: &Entry) -> Result {
        let mut values = self.values.lock();
        if let Some(value) = values.get_mut(&entry.key) {
            *value = entry.value;
            return Ok(());
        }
        if values.iter().nth(MAX_ENTRIES - 1).is_some() {
            return Err(ENOSPC);
        }
        values.try_create_and_insert(entry.key, entry.value, GFP_KERNEL)?;
        Ok(())
    }

    fn get(&self, key: &Key) -> Result<Entry> {
        let value = *self.values.lock().get(key).ok_or(ENOENT)?;
        Ok(Entry { key: *key, value })
    }

    fn delete(&self, key: &Key) -> Result {
        self.values.lock().remove(key).map(drop).ok_or(ENOENT)
    }

    /// Lists all entries in one datagram, with one message for each entry.
    fn list(&self, request: &Message<'_>) -> Result<Bundle> {
        let mut bundle = Bundle::new(ID, request.seq(), LIST_ROOM, GFP_KERNEL)?;
        for (&key, &value) in self.values.lock().iter() {
            bundle.push(&Outgoing::reply_to(request, &Entry { key, value }))?;
        }
        if bundle.is_empty() {
            bundle.push(&Outgoing::reply_to(request, &[0u8; 0]))?;
        }
        Ok(bundle)
    }
}

impl Handler for Store {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        let changes = matches!(message.flags(), SET | DELETE);
        if changes && !sender.capable(Capability::NET_ADMIN) {
            return Err(EPERM);
        }
        // Replies do not wait for a program that does not read, because it is inside `sendmsg()`
        // and cannot read. The lock is released before a reply is sent, because sending may wait
        // for memory.
        match message.flags() {
            SET => self.set(message.payload_as()?),
            DELETE => self.delete(message.payload_as()?),
            GET => sender.reply(message, &self.get(message.payload_as()?)?),
            LIST => Ok(self
                .list(message)?
                .send_to(sender.without_waiting(), GFP_KERNEL)?),
            _ => Err(EINVAL),
        }
    }
}

connector::module_connector! {
    name: "cn_store",
    authors: ["The connector-rs authors"],
    description: "Sample of a connector user: keys and values",
    license: "GPL",
    handlers: [
        {
            ids: [ID],
            name: c"cn_store",
            handler: Store::new(),
            options: Options::new().access(Access::Public).description(c"keys and values"),
        },
    ],
}
