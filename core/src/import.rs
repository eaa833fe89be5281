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

text_enum! {
    /// Where an upload stands: a file that comes in parts and may fill campaigns.
    pub enum UploadState {
        /// Bytes are missing.
        Receiving => "RECEIVING",
        /// All bytes are there and are being looked through.
        Validating => "VALIDATING",
        /// It can fill campaigns.
        Ready => "READY",
        /// It cannot be used as it is.
        Failed => "FAILED",
    }
}
