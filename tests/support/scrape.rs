//! What a process tells Prometheus, read as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};

/// One line of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// One answer of `/metrics`.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    /// What each metric means.
    pub help: BTreeMap<String, String>,
    /// What each is: counter, gauge or histogram.
    pub types: BTreeMap<String, String>,
    pub samples: Vec<Sample>,
}

impl Scrape {
    /// Asks whoever listens there.
    ///
    /// # Panics
    ///
    /// When the answer is not Prometheus' text format, version 0.0.4.
    pub async fn of(url: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client needs nothing");
        let answer = client.get(url).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(answer.status().as_u16(), 200, "{url}");
        let kind = answer.headers()["content-type"].to_str().expect("it is text").to_owned();
        assert!(kind.starts_with("text/plain; version=0.0.4"), "{url}: {kind}");
        Self::read(&answer.text().await.expect("the whole answer"))
    }

    /// # Panics
    ///
    /// When the text is not in that format.
    pub fn read(text: &str) -> Self {
        let mut read = Self::default();
        let mut seen = BTreeSet::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.strip_prefix("# ").map(|comment| comment.splitn(3, ' ').collect::<Vec<_>>()) {
                Some(words) => match words[..] {
                    ["HELP", name, help] => drop(read.help.insert(name.into(), help.into())),
                    ["TYPE", name, kind] => {
                        assert!(
                            read.types.insert(name.into(), kind.into()).is_none(),
                            "{name} is there twice"
                        );
                    }
                    _ => panic!("{line:?} is neither HELP nor TYPE"),
                },
                None => {
                    let sample = sample(line).unwrap_or_else(|| panic!("{line:?} is no sample"));
                    assert!(
                        seen.insert(format!("{}{:?}", sample.name, sample.labels)),
                        "{line:?} comes twice"
                    );
                    assert!(
                        read.types.contains_key(read.metric_of(&sample.name)),
                        "{line:?} has no TYPE before it"
                    );
                    read.samples.push(sample);
                }
            }
        }
        read
    }

    /// The metric a line is of: a histogram has several.
    pub fn metric_of<'a>(&self, name: &'a str) -> &'a str {
        let parts = ["_bucket", "_sum", "_count"];
        let whole = parts.iter().find_map(|part| name.strip_suffix(part));
        whole.filter(|whole| self.types.get(*whole).is_some_and(|kind| kind == "histogram")).unwrap_or(name)
    }

    /// The sum of all lines of this name that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |sample: &&Sample| {
            let has = |(label, value): &(&str, &str)| sample.labels.get(*label).is_some_and(|it| it == value);
            sample.name == name && labels.iter().all(has)
        };
        self.samples.iter().filter(fits).map(|sample| sample.value).sum()
    }

    /// The names of all metrics that have a line.
    pub fn metrics(&self) -> BTreeSet<&str> {
        self.samples.iter().map(|sample| self.metric_of(&sample.name)).collect()
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (series, ""),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let is_name =
        !name.is_empty() && name.chars().all(fits) && !name.starts_with(|c: char| c.is_ascii_digit());
    let labels = labels.split_terminator("\",").map(|label| {
        let (name, value) = label.split_once("=\"")?;
        Some((name.to_owned(), value.trim_end_matches('"').to_owned()))
    });
    Some(Sample {
        name: is_name.then(|| name.to_owned())?,
        labels: labels.collect::<Option<_>>()?,
        value: value.parse().ok()?, // +Inf and NaN as well
    })
}
