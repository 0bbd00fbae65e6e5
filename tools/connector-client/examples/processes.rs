// SPDX-License-Identifier: GPL-2.0

//! Prints three events of programs that start or end.

use connector_client::{Error, Filter, ProcessEvents, ProcessKind, ProcessNews};

fn main() -> Result<(), Error> {
    for news in ProcessEvents::open(Filter::EXEC | Filter::EXIT)?.take(3) {
        match news? {
            ProcessNews::Event(event) => match event.kind {
                ProcessKind::Exec { task } => println!("process {} executes a program", task.tgid),
                ProcessKind::Exit { task, code, .. } => {
                    println!("thread {} ended with {code}", task.pid)
                }
                other => println!("{other:?}"),
            },
            other => println!("{other:?}"),
        }
    }
    Ok(())
}
