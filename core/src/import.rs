//! The life of an import: one uploaded file on its way to becoming recipients.

use crate::text_enum::text_enum;

text_enum! {
    /// Where an import stands.
    pub enum ImportState {
        /// Rows are being read.
        Running => "RUNNING",
        /// The whole file has been read.
        Finished => "FINISHED",
        /// It broke off; what was accepted until then is kept.
        Failed => "FAILED",
    }
}
