// SPDX-License-Identifier: GPL-2.0
// Appended to the core's slots.rs, whose slots are private.

impl Locked<'_> {
    /// How many slots there are, how many of them are not empty, and how many are counted as such.
    pub(crate) fn slot_counts(&self) -> (usize, usize, usize) {
        let guard = Guard::new();
        let slots = self.table.slots.read(&guard);
        let array = (0..slots.capacity()).filter_map(|slot| slots.elements.get(slot));
        let used = array.filter(|slot| !matches!(slot.read(&guard), Slot::Empty));
        (
            slots.capacity(),
            used.count(),
            self.writer.count + self.writer.removed,
        )
    }
}
