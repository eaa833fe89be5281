//! Addresses that must not be contacted.

use crate::{Channel, text_enum::text_enum};

text_enum! {
    /// Where a suppression comes from.
    pub enum SuppressionSource {
        /// Somebody of the workspace put it on the list.
        Operator => "OPERATOR",
        /// It came with an uploaded list, such as a do-not-call registry.
        Import => "IMPORT",
        /// The person said stop.
        Stop => "STOP",
    }
}

/// The channel a suppression holds on; none is all. Who says stop on one channel is left alone on all of them, whatever was asked for.
pub const fn scope(asked: Option<Channel>, source: SuppressionSource) -> Option<Channel> {
    match source {
        SuppressionSource::Stop => None,
        SuppressionSource::Operator | SuppressionSource::Import => asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_on_one_channel_stops_all() {
        for &channel in Channel::ALL {
            assert_eq!(scope(Some(channel), SuppressionSource::Stop), None);
            assert_eq!(scope(Some(channel), SuppressionSource::Import), Some(channel));
        }
    }
}
