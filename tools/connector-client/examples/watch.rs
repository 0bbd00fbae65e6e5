// SPDX-License-Identifier: GPL-2.0

//! Tells which ids there are now, with an idx of 20 to 29.

use std::time::Duration;

use connector_client::{Change, Error, Range, Watch};

fn main() -> Result<(), Error> {
    let mut watch = Watch::open(13)?;
    watch.subscribe_with_snapshot(&[Range::from(20..=29)], &[Range::ALL])?;
    // Without an end: for change in watch { ... }
    while let Some(change) = watch.next_within(Duration::from_millis(100))? {
        match change {
            Change::There(id) => println!("{id} is there"),
            Change::Came(id) => println!("{id} came"),
            Change::Went(id) => println!("{id} went"),
            other => println!("{other:?}"),
        }
    }
    Ok(())
}
