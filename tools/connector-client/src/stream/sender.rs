// SPDX-License-Identifier: GPL-2.0

//! The thread that sends. The kernel calls the callback inside the system call, which may take long.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{mpsc, Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use rustix::net::{send, SendFlags};

use crate::wire::Datagram;
use crate::{Error, Message, Socket};

/// A sent datagram, and the result of the system call.
pub(crate) type Sent = (Datagram, io::Result<()>);

/// The channel to the thread. The thread ends with it.
#[derive(Debug)]
pub(super) struct Sender(mpsc::Sender<(Datagram, UnderWay)>);

/// A datagram in the hands of the thread.
#[derive(Clone, Debug, Default)]
pub(super) struct UnderWay(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    sent: Option<Sent>,
    waker: Option<Waker>,
}

impl Sender {
    pub(super) fn of(socket: &Socket) -> Result<Self, Error> {
        let failed = |error| Error::system("begin a thread that sends", error);
        let descriptor = socket.as_fd().try_clone_to_owned().map_err(failed)?;
        let (to, datagrams) = mpsc::channel();
        thread::Builder::new()
            .name("connector-send".to_owned())
            .spawn(move || run(&descriptor, &datagrams))
            .map_err(failed)?;
        Ok(Self(to))
    }

    pub(super) fn send(&self, message: &Message<'_>) -> Result<UnderWay, Error> {
        let mut datagram = Datagram::new();
        datagram.push(message, message.seq, false);
        let under_way = UnderWay::default();
        self.0.send((datagram, under_way.clone())).map_err(|_| {
            let error = io::Error::other("the thread that sends has ended");
            Error::system("send", error)
        })?;
        Ok(under_way)
    }
}

fn run(descriptor: &OwnedFd, datagrams: &mpsc::Receiver<(Datagram, UnderWay)>) {
    for (datagram, under_way) in datagrams {
        let result = loop {
            match send(descriptor, datagram.as_bytes(), SendFlags::empty()) {
                Err(rustix::io::Errno::INTR) => {}
                result => break result.map(|_| ()).map_err(io::Error::from),
            }
        };
        let mut state = under_way.state();
        state.sent = Some((datagram, result));
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl UnderWay {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<Sent> {
        let mut state = self.state();
        match state.sent.take() {
            Some(sent) => Poll::Ready(sent),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
