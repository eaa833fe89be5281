//! One metric: its name, what it means, and its series.

use std::{fmt, sync::OnceLock};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit,
};

/// What is counted how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often something was at most so much, for each bound of a row of them.
    Histogram,
}

/// What is known of a metric before anything is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// As it is scraped: `ringfleet_…`, in seconds and bytes, by the conventions of <https://prometheus.io/docs/practices/naming/>.
    pub name: &'static str,
    /// What is counted how.
    pub kind: Kind,
    /// What it means, in a sentence.
    pub help: &'static str,
    /// The names of its labels. None of them may ever say who was called, or in which campaign or workspace.
    pub labels: &'static [&'static str],
    /// Of a histogram, the upper bounds of its buckets.
    pub bounds: &'static [f64],
}

impl Described {
    /// Tells a recorder what it means.
    pub(crate) fn tell(&self, recorder: &impl Recorder) {
        let (name, help) = (KeyName::from_const_str(self.name), SharedString::const_str(self.help));
        match self.kind {
            Kind::Counter => recorder.describe_counter(name, self.unit(), help),
            Kind::Gauge => recorder.describe_gauge(name, self.unit(), help),
            Kind::Histogram => recorder.describe_histogram(name, self.unit(), help),
        }
    }

    /// Has a counter without labels begin at 0.
    pub(crate) fn show(&self) {
        if self.kind == Kind::Counter && self.labels.is_empty() {
            Counter::of(&Key::from_static_name(self.name), &METADATA).absolute(0);
        }
    }

    /// What it is counted in, by its name; none where things are counted.
    pub fn unit(&self) -> Option<Unit> {
        let of = self.name.strip_suffix("_total").unwrap_or(self.name);
        match of.rsplit('_').next() {
            Some("seconds") => Some(Unit::Seconds),
            Some("bytes") => Some(Unit::Bytes),
            _ => None,
        }
    }
}

/// What a series is recorded with.
pub trait Series: Sized {
    /// What is counted how.
    const KIND: Kind;

    /// That of the installed recorder; one that does nothing where there is none.
    fn of(key: &Key, metadata: &Metadata<'_>) -> Self;
}

impl Series for Counter {
    const KIND: Kind = Kind::Counter;

    fn of(key: &Key, metadata: &Metadata<'_>) -> Self {
        metrics::with_recorder(|recorder| recorder.register_counter(key, metadata))
    }
}

impl Series for Gauge {
    const KIND: Kind = Kind::Gauge;

    fn of(key: &Key, metadata: &Metadata<'_>) -> Self {
        metrics::with_recorder(|recorder| recorder.register_gauge(key, metadata))
    }
}

impl Series for Histogram {
    const KIND: Kind = Kind::Histogram;

    fn of(key: &Key, metadata: &Metadata<'_>) -> Self {
        metrics::with_recorder(|recorder| recorder.register_histogram(key, metadata))
    }
}

/// A metric with `N` labels.
pub struct Metric<S, const N: usize> {
    pub(crate) name: &'static str,
    pub(crate) labels: [&'static str; N],
    /// The series of a metric without labels.
    one: OnceLock<S>,
}

pub(crate) const METADATA: Metadata<'static> = Metadata::new("ringfleet", Level::INFO, None);

impl<S: Series, const N: usize> Metric<S, N> {
    pub(crate) const fn new(name: &'static str, labels: [&'static str; N]) -> Self {
        Self { name, labels, one: OnceLock::new() }
    }

    /// The series with these values of its labels, in the order of the list.
    pub fn of<V: Into<SharedString>>(&self, values: [V; N]) -> S {
        let labels: Vec<Label> =
            self.labels.into_iter().zip(values).map(|(name, value)| Label::new(name, value)).collect();
        S::of(&Key::from_parts(self.name, labels), &METADATA)
    }
}

impl<S: Series> Metric<S, 0> {
    /// Its one series. It is the recorder's that was installed when this was first asked for.
    pub fn one(&self) -> &S {
        self.one.get_or_init(|| S::of(&Key::from_static_name(self.name), &METADATA))
    }
}

impl<S, const N: usize> fmt::Debug for Metric<S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
