//! What is told to those who watch the installation: every metric there is (`list`), how it is recorded (`metric`), and traces ([`trace`]).
//!
//! The other rooms record, the binary serves. Where nobody is told, recording is a look at one variable; where somebody is, it
//! is an atomic operation or two once the series is known. [`Metric::of`] finds it by its labels, in less than a microsecond; who records
//! for every statement or command keeps what that gives ([`Metric::one`] does by itself).

mod list;
mod metric;
mod reading;
pub mod trace;

pub use list::*;
pub use metric::{Described, Kind, Metric};
pub use metrics::{Counter, Gauge, Histogram};
pub use reading::{Reading, TEXT_FORMAT, exposition};

use metrics::{Recorder, SetRecorderError};

/// Has everything recorded from now on by this recorder, which is told what it all means.
///
/// # Errors
/// When there is one already.
pub fn install<R: Recorder + Sync + 'static>(recorder: R) -> Result<(), SetRecorderError<R>> {
    ALL.iter().for_each(|metric| metric.tell(&recorder));
    metrics::set_global_recorder(recorder)?;
    // What has never happened is shown as that: from nothing to 1 is no increase.
    ALL.iter().for_each(Described::show);
    Ok(())
}
