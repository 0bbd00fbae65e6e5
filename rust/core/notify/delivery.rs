// SPDX-License-Identifier: GPL-2.0

//! Messages to programs about events, in order.
//!
//! One task at a time has the token, which is the right to send; no lock is held meanwhile. A task
//! that causes an event and finds the token taken leaves its event to a work item.
//!
//! C counterpart: `cn_notify()` in `drivers/connector/connector.c`, until it was removed in 2010.

#![forbid(unsafe_code)]

use super::{
    event_log::{Event, EventCursor, EventLog, MAX_UNREAD},
    requests::{Limits, Requests},
};
use crate::{
    helpers::{sender_queue, SendSection},
    netlink::{socket, Filter, Hearing, SenderParms, Skb},
    stats::Counter,
    sync::race_delay,
};
use connector_base::{wire::Header, Id};
use kernel::{
    bindings::{GFP_ATOMIC as GFP_MUST_NOT_SLEEP, GFP_KERNEL as GFP_MAY_SLEEP},
    new_condvar, new_spinlock,
    prelude::*,
    sync::{Arc, CondVar, SpinLock},
    workqueue::{impl_has_work, new_work, Work, WorkItem},
};

/// How many ids of a snapshot share a buffer.
const SNAPSHOT_BATCH: usize = 64;

/// How many events the work item sends before other work has its turn.
const EVENT_BATCH: usize = 64;

/// The message of an event.
const fn message(id: Id, registered: bool) -> Header {
    Header {
        id,
        seq: 0,
        ack: !registered as u32,
        len: 0,
        flags: 0,
    }
}

/// The progress of sending.
struct Sending {
    cursor: EventCursor,
    /// How many events the log had lost when this was last compared.
    lost: u64,
    /// Whether a task has the [`Token`].
    is_busy: bool,
}

/// The log, the requests of programs, and how far those were notified.
#[pin_data]
pub(super) struct Delivery {
    #[pin]
    pub(super) log: EventLog,
    #[pin]
    pub(super) requests: Requests,
    /// Which members of a group can receive a message.
    hearing: fn(u32) -> Hearing,
    #[pin]
    sending: SpinLock<Sending>,
    /// Notified when the token is free.
    #[pin]
    token_is_free: CondVar,
    /// Sends the events that no task has sent.
    #[pin]
    work: Work<Delivery>,
}

impl_has_work! {
    impl HasWork<Self> for Delivery { self.work }
}

impl WorkItem for Delivery {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // It is queued anew while there is something left.
        for _ in 0..EVENT_BATCH {
            if !send_one(&this) {
                return;
            }
        }
    }
}

/// The right to send messages about events; one task has it at a time. Not a lock: tasks that cause
/// events go on, and leave them to a work item when they find it taken.
#[must_use]
pub(super) struct Token<'a>(&'a Arc<Delivery>);

impl Delivery {
    /// Nothing to deliver. May sleep.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`]: no memory.
    pub(super) fn new(limits: Limits, hearing: fn(u32) -> Hearing) -> Result<Arc<Self>> {
        let cursor = EventCursor::start()?;
        let delivery = pin_init!(Self {
            log <- EventLog::new(&cursor),
            requests <- Requests::new(limits),
            hearing,
            sending <- new_spinlock!(Sending { cursor, lost: 0, is_busy: false }, "cn_sending"),
            token_is_free <- new_condvar!("cn_token"),
            work <- new_work!("cn_delivery"),
        });
        Arc::pin_init(delivery, GFP_KERNEL)
    }

    /// Skips all events if too many are pending. Reports that to the programs, and events that the
    /// log has lost.
    pub(super) fn catch_up(&self) {
        let last = self.log.last_number();
        let mut sending = self.sending.lock();
        let lost = self.log.lost();
        let has_lost = core::mem::replace(&mut sending.lost, lost) != lost;
        let unread = sending.cursor.unread(last);
        let is_behind = unread > MAX_UNREAD;
        let passed = is_behind.then(|| core::mem::replace(&mut sending.cursor, self.log.end()));
        // The lock ends before many events are freed.
        drop(sending);
        drop(passed);
        if is_behind {
            Counter::NotifyLost.count_many(unread);
        }
        if is_behind || has_lost {
            self.report_loss();
        }
    }

    /// Sets the error `ENOBUFS` for the listeners of all groups that are notified, once for each
    /// group.
    pub(super) fn report_loss(&self) {
        self.requests.for_each_group(|group| {
            if let Some(socket) = socket() {
                socket.report_loss(group);
            }
        });
    }
}

/// Sends the messages of the next event, unless another task is sending, and has those of others
/// sent. Returns whether there was an event.
pub(super) fn send_one(delivery: &Arc<Delivery>) -> bool {
    let section = SendSection::begin();
    let sent = Token::take(delivery).is_some_and(|token| token.send_next(u64::MAX));
    // The token was released.
    drop(section);
    sent
}

impl<'a> Token<'a> {
    /// Takes the token, unless another task has it.
    fn take(delivery: &'a Arc<Delivery>) -> Option<Self> {
        let mut sending = delivery.sending.lock();
        if sending.is_busy {
            return None;
        }
        sending.is_busy = true;
        Some(Self(delivery))
    }

    /// Waits for the token. Its holder runs no code of modules, waits for no program, and sends one
    /// event, or what belongs to a snapshot.
    ///
    /// # Errors
    ///
    /// [`EINTR`]: a signal came.
    pub(super) fn wait(delivery: &'a Arc<Delivery>) -> Result<Self> {
        let mut sending = delivery.sending.lock();
        while sending.is_busy {
            if delivery.token_is_free.wait_interruptible(&mut sending) {
                drop(sending);
                // This task may be the one that was woken up because the token is free.
                delivery.token_is_free.notify_one();
                return Err(EINTR);
            }
        }
        sending.is_busy = true;
        Ok(Self(delivery))
    }

    /// Sends the messages of the next event, unless its number is above `last`. Returns whether
    /// there was one.
    pub(super) fn send_next(&self, last: u64) -> bool {
        // By itself, so that the lock ends before the message is sent.
        let next = self.0.sending.lock().cursor.next_up_to(last);
        let Some(event) = next else {
            return false;
        };
        race_delay();
        self.0
            .requests
            .for_each_match(&event, |group| send_to(group, &event, self.0.hearing));
        true
    }

    /// Sends ids of a snapshot to a program, as many as fit. The others are lost, as any message to
    /// a full receive buffer, and so are those for which there is no memory.
    pub(super) fn send_snapshot(&self, mut ids: impl Iterator<Item = Id>, to: SenderParms<'_>) {
        let Some(socket) = socket() else {
            to.report_loss();
            return;
        };
        loop {
            let mut messages = [const { message(Id::new(0, 0), true) }; SNAPSHOT_BATCH];
            let mut count = 0usize;
            for (message, id) in messages.iter_mut().zip(ids.by_ref()) {
                message.id = id;
                count = count.saturating_add(1);
            }
            if count == 0 {
                return;
            }
            let messages = messages.get(..count).unwrap_or_default();
            let buffer = Skb::several(messages, GFP_MAY_SLEEP).inspect_err(|_| to.report_loss());
            let sent = buffer.and_then(|buffer| {
                // Must not wait: the reader may be the task that is sending the request.
                socket.unicast(buffer, to.portid(), GFP_MUST_NOT_SLEEP, 0)
            });
            let counter = match sent {
                Ok(_) => Counter::Notified,
                Err(_) => Counter::NotifyLost,
            };
            messages.iter().for_each(|_| counter.count());
        }
    }
}

impl Drop for Token<'_> {
    /// Releases the token, and queues the work item if events are left.
    fn drop(&mut self) {
        let mut sending = self.0.sending.lock();
        // Under the lock: a task that adds an event after this finds the token free.
        sending.is_busy = false;
        let is_left = sending.cursor.has_next();
        drop(sending);
        self.0.token_is_free.notify_one();
        if is_left {
            // A work item that is queued already sends them, too.
            let _ = sender_queue().enqueue(self.0.clone());
        }
    }
}

/// Sends the message of an event to a group. Does not sleep.
fn send_to(group: u32, event: &Event, hearing: fn(u32) -> Hearing) {
    let message = message(event.id, event.registered);
    let sent = socket().ok_or(EAGAIN).and_then(|socket| {
        if !socket.has_listeners(group) {
            return Ok(0);
        }
        let mut buffer = Skb::new(0, [message.as_bytes()], GFP_MUST_NOT_SLEEP)
            .inspect_err(|_| socket.report_loss(group))?;
        buffer.set_group(group);
        let hearing = || hearing(group);
        match socket.offer(buffer, 0, group, GFP_MUST_NOT_SLEEP, Filter::NONE, hearing) {
            (_, false) => Ok(0),
            (sent, true) => sent,
        }
    });
    match sent {
        Ok(_) => Counter::Notified.count(),
        Err(_) => Counter::NotifyLost.count(),
    }
}

#[cfg(CONFIG_CONNECTOR_KUNIT_TEST)]
#[kernel::prelude::kunit_tests(cn_delivery)]
mod tests {
    use super::*;
    use crate::notify::event_log::Blank;

    #[test]
    fn skipped_events_are_counted() -> Result {
        let limits = Limits {
            total: 1,
            per_socket: 1,
        };
        let delivery = Delivery::new(limits, |_| Hearing::All)?;
        for _ in 0..=MAX_UNREAD {
            let blank = Blank::new(GFP_KERNEL)?;
            delivery.log.append(blank, Id::new(1, 1), true);
        }
        let before = Counter::NotifyLost.total();
        delivery.catch_up();
        assert!(Counter::NotifyLost.total() - before > MAX_UNREAD);
        // The next one is not behind any more.
        assert!(!delivery.sending.lock().cursor.has_next());
        Ok(())
    }
}
