// SPDX-License-Identifier: GPL-2.0

//! Sample: answers every message with its own payload, and counts aloud once a second.
//!
//! The user program that belongs to it is `cn_hello.c`.

use connector::{Handler, Id, Message, Outgoing, Registration, Sender};
use kernel::{
    impl_has_hr_timer,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, ArcBorrow,
    },
    time::{
        hrtimer::{
            ArcHrTimerHandle, HrTimer, HrTimerCallback, HrTimerCallbackContext, HrTimerPointer,
            HrTimerRestart, RelativeSoftMode,
        },
        Delta, Monotonic,
    },
};

/// Where programs reach the sample; its group has the number 20 as well.
const ID: Id = Id::new(20, 1);

const SECOND: Delta = Delta::from_secs(1);

module! {
    type: EchoModule,
    name: "cn_echo",
    authors: ["The connector-rs authors"],
    description: "Sample of a connector user: echo and counter",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
}

struct Echo;

impl Handler for Echo {
    // Runs while the program is in `sendmsg()`.
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        sender.reply(message, message.payload())
    }
}

#[pin_data]
struct Clock {
    #[pin]
    timer: HrTimer<Self>,
    seconds: Atomic<u32>,
}

impl Clock {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            timer <- HrTimer::new(),
            seconds: Atomic::new(0),
        })
    }
}

impl HrTimerCallback for Clock {
    type Pointer<'a> = Arc<Self>;

    // Runs in softirq, where nothing may sleep.
    fn run(
        clock: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        let seconds = clock.seconds.fetch_add(1u32, Relaxed);
        // Fails when nobody listens, which is fine.
        let _ = Outgoing::new(ID, &seconds.to_ne_bytes())
            .seq(seconds)
            .send(GFP_ATOMIC);
        context.forward_now(SECOND);
        HrTimerRestart::Restart
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Clock {
        mode: RelativeSoftMode<Monotonic>, field: self.timer
    }
}

/// What the module holds; its parts are stopped in this order when it is unloaded.
struct EchoModule {
    _clock: ArcHrTimerHandle<Clock>,
    _echo: Registration<Echo>,
}

impl kernel::Module for EchoModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let echo = Registration::new(ID, c"cn_echo", Arc::new(Echo, GFP_KERNEL)?)?;
        let clock = Arc::pin_init(Clock::new(), GFP_KERNEL)?;
        Ok(Self {
            _clock: clock.start(SECOND),
            _echo: echo,
        })
    }
}
