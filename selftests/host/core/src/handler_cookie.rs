// SPDX-License-Identifier: GPL-2.0
// Appended to the core's callback.rs, whose cookies are private.

impl CoreHandler {
    pub(crate) fn cookie(&self) -> *mut c_void {
        self.cookie
    }
}
