// SPDX-License-Identifier: GPL-2.0

//! Module of the benchmark: does the work of `bench_client.c` with the crate `connector`. The
//! orders are those of `../bench_order.h`.

use connector::{
    Access, Bundle, Draft, Handler, Id, Message, Options, Registration, SendError, Sender, Writer,
};
use kernel::{
    fs::File,
    ioctl::{_IOC_SIZE, _IOW},
    miscdevice::{MiscDevice, MiscDeviceOptions, MiscDeviceRegistration},
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
    time::{Instant, Monotonic},
    uaccess::{UserPtr, UserSlice},
};

/// `struct bench_order`.
type Numbers = [u64; 8];

const CALLS: u32 = _IOW::<Numbers>('b' as u32, 17);
const REGISTER_PAIR: u32 = _IOW::<Numbers>('b' as u32, 18);
const MULTICAST: u32 = _IOW::<Numbers>('b' as u32, 48);
const MULTICAST_BUNDLE: u32 = _IOW::<Numbers>('b' as u32, 49);

const IDX: u32 = 27;
const PAIR: Id = Id::new(IDX, 0x100001);
const NOTHING: Id = Id::new(IDX, 0x200001);
const ECHO: Id = Id::new(IDX, 0x200002);

module! {
    type: BenchModule,
    name: "bench_crate",
    authors: ["The connector-rs authors"],
    description: "Benchmark: a user of the connector in Rust",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
}

static CALLED: Atomic<i32> = Atomic::new(0);
/// The bytes that fill messages; another byte each time.
static FILLING: Atomic<u32> = Atomic::new(0);

struct Nothing;

impl Handler for Nothing {
    fn receive(&self, _message: &Message<'_>, _sender: &Sender<'_>) -> Result {
        CALLED.add(1, Relaxed);
        Ok(())
    }
}

struct Echo;

impl Handler for Echo {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        sender.reply(message, message.payload())
    }
}

fn fill(payload: &mut Writer<'_>) -> Result<(), SendError> {
    let value = FILLING.fetch_add(1, Relaxed) as u8;
    payload.fill(value, payload.room()).map(|_| ())
}

/// The fields of `struct bench_order` for sending and measuring.
struct Order {
    samples: usize,
    times: usize,
    count: u64,
    payload: u16,
}

impl Order {
    fn new(numbers: Numbers) -> Result<Self> {
        let [samples, times, _message, _length, _protocol, count, payload, _milliseconds] = numbers;
        if !(1..=100_000).contains(&samples) || !(0..=128).contains(&count) || payload > 16000 {
            return Err(EINVAL);
        }
        Ok(Self {
            samples: samples as usize,
            times: times as usize,
            count,
            payload: payload as u16,
        })
    }

    /// Measures, and hands the times back.
    fn measure(&self, work: impl Fn() -> Result) -> Result<isize> {
        let mut times = KVVec::with_capacity(self.samples, GFP_KERNEL)?;
        for _ in 0..self.samples {
            let start = Instant::<Monotonic>::now();
            work()?;
            times.push(start.elapsed().as_nanos() as u64, GFP_KERNEL)?;
        }
        let mut writer = UserSlice::new(
            UserPtr::from_addr(self.times),
            core::mem::size_of_val(times.as_slice()),
        )
        .writer();
        for time in times.iter() {
            writer.write(time)?;
        }
        Ok(0)
    }

    /// Each on its own.
    fn multicast(&self) -> Result {
        for _ in 0..self.count {
            unless_nobody_listens(Draft::new(NOTHING, self.payload).write(GFP_KERNEL, fill))?;
        }
        Ok(())
    }

    /// All in one datagram.
    fn multicast_bundle(&self) -> Result {
        let capacity = (u64::from(self.payload) + 20).saturating_mul(self.count);
        let capacity = u16::try_from(capacity).map_err(|_| EINVAL)?;
        let mut bundle = Bundle::new(NOTHING, 0, capacity, GFP_KERNEL)?;
        for _ in 0..self.count {
            bundle.write(&Draft::new(NOTHING, self.payload), fill)?;
        }
        unless_nobody_listens(bundle.send(GFP_KERNEL))
    }
}

/// That is no error here.
fn unless_nobody_listens(result: Result<(), SendError>) -> Result {
    match result {
        Err(SendError::NoListeners) => Ok(()),
        other => Ok(other?),
    }
}

struct Device {
    nothing: Arc<Nothing>,
}

impl Device {
    fn register_pair(&self) -> Result {
        drop(Registration::new(
            PAIR,
            c"bench_pair",
            self.nothing.clone(),
        )?);
        Ok(())
    }
}

#[vtable]
impl MiscDevice for Device {
    type Ptr = Arc<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Arc<Self>> {
        let nothing = Arc::new(Nothing, GFP_KERNEL)?;
        Ok(Arc::new(Self { nothing }, GFP_KERNEL)?)
    }

    fn ioctl(
        device: kernel::sync::ArcBorrow<'_, Self>,
        _file: &File,
        number: u32,
        argument: usize,
    ) -> Result<isize> {
        if number == CALLS {
            return Ok((CALLED.load(Relaxed) & i32::MAX) as isize);
        }
        let mut reader = UserSlice::new(UserPtr::from_addr(argument), _IOC_SIZE(number)).reader();
        let order = Order::new(reader.read::<Numbers>()?)?;
        match number {
            REGISTER_PAIR => order.measure(|| device.register_pair()),
            MULTICAST => order.measure(|| order.multicast()),
            MULTICAST_BUNDLE => order.measure(|| order.multicast_bundle()),
            _ => Err(ENOTTY),
        }
    }
}

/// Everyone may send, as to a callback in C, which checks no rights.
fn register<H: Handler>(id: Id, name: &'static CStr, handler: H) -> Result<Registration<H>> {
    let options = Options::new().access(Access::Public);
    Registration::with_options(id, name, Arc::new(handler, GFP_KERNEL)?, options)
}

#[pin_data]
struct BenchModule {
    _nothing: Registration<Nothing>,
    _echo: Registration<Echo>,
    #[pin]
    _device: MiscDeviceRegistration<Device>,
}

impl kernel::InPlaceModule for BenchModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _nothing: register(NOTHING, c"bench_crate", Nothing)?,
            _echo: register(ECHO, c"bench_crate_echo", Echo)?,
            _device <- MiscDeviceRegistration::register(MiscDeviceOptions {
                name: c"bench-crate",
            }),
        })
    }
}
