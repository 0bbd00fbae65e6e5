// SPDX-License-Identifier: GPL-2.0

//! The commands that send, and the meaning of the numbers of the others.

use crate::{
    handler::{Behaviour, DRAFTS_WRITTEN},
    Numbers,
};
use connector::{
    group_has_listeners, has_listeners, Access, Bundle, Capability, Draft, Id, Listener, Listeners,
    Options, Outgoing, Port, SendError, Writer,
};
use core::fmt::Write as _;
use kernel::{
    alloc::{flags::GFP_NOWAIT, Flags},
    prelude::*,
    sync::atomic::Relaxed,
};

/// The numbers of a command.
pub(crate) struct Command {
    pub(crate) id: Id,
    /// ADD: the behaviour, see [`Command::behaviour`]. SEND...: group or port.
    pub(crate) what: u32,
    /// ADD: the argument of the behaviour. SEND...: length of the payload.
    pub(crate) argument: u32,
    /// ADD: the second argument. SEND...: `seq`.
    pub(crate) second: u32,
    /// SEND...: 1 to send with `GFP_ATOMIC`, 2 with `GFP_NOWAIT`.
    pub(crate) atomic: u32,
    /// ADD: the right to send, see [`Command::options`]. SEND...: a further argument.
    pub(crate) access: u32,
    /// ADD: the argument of that.
    pub(crate) access_argument: u32,
}

impl Command {
    pub(crate) fn new(numbers: Numbers) -> Self {
        let [idx, val, what, argument, second, atomic, access, access_argument] = numbers;
        Self {
            id: Id::new(idx, val),
            what,
            argument,
            second,
            atomic,
            access,
            access_argument,
        }
    }

    pub(crate) fn behaviour(&self) -> Result<Behaviour> {
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

    pub(crate) fn options(&self) -> Result<Options> {
        let options = Options::new();
        match self.access {
            // The default.
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

    pub(crate) fn user(&self) -> Option<u32> {
        (self.access == 3).then_some(self.access_argument)
    }

    fn flags(&self) -> Flags {
        match self.atomic {
            0 => GFP_KERNEL,
            1 => GFP_ATOMIC,
            _ => GFP_NOWAIT,
        }
    }

    pub(crate) fn with_message(
        &self,
        send: impl FnOnce(&Outgoing<'_>, Flags) -> Result<(), SendError>,
    ) -> Result<isize> {
        let mut payload = KVVec::<u8>::new();
        payload.resize(self.argument as usize, 0x5a, GFP_KERNEL)?;
        let message = Outgoing::new(self.id, payload.as_slice()).seq(self.second);
        send(&message, self.flags())?;
        Ok(0)
    }

    pub(crate) fn send_filtered(&self) -> Result<isize> {
        let mut queried = 0isize;
        self.with_message(|message, flags| {
            let mut filter = |listener: &Listener<'_>| {
                queried = queried.wrapping_add(1);
                listener.socket().number() == u64::from(self.access)
            };
            message.send_to(Listeners::of_id().filter(&mut filter), flags)
        })?;
        Ok(queried)
    }

    /// In place. The closure claims `access` as the written length.
    pub(crate) fn send_draft(&self) -> Result<isize> {
        let draft = Draft::new(self.id, self.argument as u16).seq(self.second);
        let write = |payload: &mut [u8]| {
            DRAFTS_WRITTEN.add(1u32, Relaxed);
            if !payload.iter().all(|byte| *byte == 0) {
                return Err(EDOM);
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

    /// In place, part by part: `access` as a text, as a number, and as that number of bytes.
    pub(crate) fn write_draft(&self) -> Result<isize> {
        let draft = Draft::new(self.id, self.argument as u16).seq(self.second);
        let write = |payload: &mut Writer<'_>| {
            DRAFTS_WRITTEN.add(1u32, Relaxed);
            write!(payload, "{}", self.access).map_err(|_| SendError::TooLong)?;
            payload.push(&self.access)?;
            if let Some(first) = payload.fill(0x5a, self.access as usize)?.first_mut() {
                *first = 0x41;
            }
            // A part that does not fit leaves no trace.
            let room = payload.room();
            let filled = payload.fill(0xff, room.wrapping_add(1)).map(|_| ());
            match filled {
                Err(SendError::TooLong) if payload.room() == room => Ok(()),
                _ => Err(SendError::Other(EDOM)),
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
    pub(crate) fn send_bundle(&self) -> Result<isize> {
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
                return Err(EDOM);
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
                Ok(()) => return Err(EDOM),
            }
            bundle.push_with(&last, |payload| {
                let is_clean = payload.iter().all(|byte| *byte == 0);
                payload.fill(0x5a);
                is_clean.then_some(payload.len()).ok_or(EDOM)
            })?;
        }
        if self.what == 0 {
            bundle.send(self.flags())?;
        } else {
            bundle.send_to(Port(self.what), self.flags())?;
        }
        Ok(0)
    }

    /// A draft of up to `access` bytes in a bundle of `argument` bytes. The room that the writer
    /// reports has to be writable.
    pub(crate) fn room(&self) -> Result<isize> {
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
                return Err(SendError::Other(EDOM));
            }
            while let Some(left) = writer.room().checked_sub(1) {
                writer.push(short)?;
                if writer.room() != left {
                    return Err(SendError::Other(EDOM));
                }
            }
            match writer.push(short) {
                Err(SendError::TooLong) if writer.room() == 0 => Ok(()),
                _ => Err(SendError::Other(EDOM)),
            }
        })?;
        Ok(first as isize)
    }

    pub(crate) fn has_listeners(&self) -> Result<isize> {
        let yes = if self.what == 0 {
            has_listeners(self.id)?
        } else {
            group_has_listeners(self.what)?
        };
        Ok(yes.into())
    }
}
