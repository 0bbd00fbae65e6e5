// SPDX-License-Identifier: GPL-2.0

//! Prints the registered ids whose idx is 20 to 29.

use std::time::Duration;

use connector_client::{Change, Error, Range, Watch};

fn main() -> Result<(), Error> {
    let mut watch = Watch::open(13)?;
    watch.subscribe_with_snapshot(&[Range::from(20..=29)], &[Range::ALL])?;
    // To watch without an end: for change in watch { ... }
    while let Some(change) = watch.next_within(Duration::from_millis(100))? {
        match change {
            Change::Present(id) => println!("{id} present"),
            Change::Registered(id) => println!("{id} registered"),
            Change::Unregistered(id) => println!("{id} unregistered"),
            other => println!("{other:?}"),
        }
    }
    Ok(())
}
