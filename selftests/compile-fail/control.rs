// SPDX-License-Identifier: GPL-2.0

//! The rest of these files with nothing wrong in it: this one compiles.

use connector::{
    Access, Bundle, Capability, Handler, Id, Listeners, Message, Options, Outgoing, Port,
    Registration, Sender,
};
use kernel::{prelude::*, sync::Arc};
use zerocopy_derive::{Immutable, KnownLayout};

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Answer {
    number: u32,
    more: u32,
}

#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Question {
    number: u32,
}

struct Careful;

impl Handler for Careful {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        let number = message.payload_as::<Question>()?.number;
        let others = Listeners::of_id().except(sender.portid());
        let answer = Answer { number, more: 0 };
        Outgoing::new(message.id(), &answer).send_to(others, GFP_KERNEL)?;
        let mut bundle = Bundle::new(message.id(), 0, 64, GFP_KERNEL)?;
        bundle.push(&Outgoing::reply_to(message, &answer))?;
        Ok(bundle.send_to(Port(sender.portid()), GFP_KERNEL)?)
    }
}

pub fn register() -> Result<Registration<Careful>> {
    let options = Options::new()
        .access(Access::Capability(Capability::SYS_ADMIN))
        .description(c"answers");
    let handler = Arc::new(Careful, GFP_KERNEL)?;
    Registration::with_options(Id::new(20, 1), c"careful", handler, options)
}
