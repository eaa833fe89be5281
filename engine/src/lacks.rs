//! What recipients lack that is to be said to them.

use std::collections::{BTreeMap, BTreeSet};

use ringfleet_core::{
    CampaignId, Channel, Conversation, E164, Plan,
    message::{self, EMAIL, Template, UNSUBSCRIBE},
    opening::{self, Unsayable},
};
use ringfleet_store::Tx;
use serde_json::{Map, Value};

use crate::Result;

/// Recipients looked at at a time.
const PAGE: u32 = 10_000;
/// Numbers told of each variable.
const EXAMPLES: usize = 5;

/// The waiting recipients of a campaign to whom its agent's texts cannot be said, or its messages not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lacks {
    /// Those who lack a variable that has no default.
    pub recipients: u64,
    /// How many lack which.
    pub variables: BTreeMap<String, Lack>,
    /// Those whose variables make a text too long.
    pub too_long: u64,
}

/// Recipients who lack one variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lack {
    /// How many.
    pub count: u64,
    /// The first of them by their numbers.
    pub examples: Vec<E164>,
}

impl Lacks {
    /// Looks at every waiting recipient, where the texts of a conversation have places at all.
    pub(crate) async fn of(tx: &mut Tx, campaign: CampaignId, said: &Conversation) -> Result<Self> {
        let texts: Vec<&str> = said.texts().filter(|text| has_places(text)).collect();
        if texts.is_empty() {
            return Ok(Self::default());
        }
        let unsayable = |variables: &Map<String, Value>| {
            texts.iter().filter_map(|text| opening::say(text, variables).err()).collect()
        };
        Self::looked_for(tx, campaign, unsayable).await
    }

    /// The same for the messages of a plan.
    pub(crate) async fn of_messages(tx: &mut Tx, campaign: CampaignId, plan: &Plan) -> Result<Self> {
        let asks = |template: &&(Channel, &Template)| {
            template.0 == Channel::Email || template.1.texts().any(has_places)
        };
        let all: Vec<(Channel, &Template)> =
            plan.messages().filter_map(|(_, step)| Some((step.channel, step.message.as_ref()?))).collect();
        let templates: Vec<_> = all.iter().filter(asks).collect();
        if templates.is_empty() {
            return Ok(Self::default());
        }
        let unsayable = |own: &Map<String, Value>| {
            let variables = with_what_messages_have(own);
            let said = templates.iter().map(|(channel, template)| template.say(*channel, &variables, false));
            said.filter_map(std::result::Result::err).map(as_unsayable).collect()
        };
        Self::looked_for(tx, campaign, unsayable).await
    }

    async fn looked_for(
        tx: &mut Tx,
        campaign: CampaignId,
        unsayable: impl Fn(&Map<String, Value>) -> Vec<Unsayable>,
    ) -> Result<Self> {
        let (mut lacks, mut after, none) = (Self::default(), 0, Map::new());
        loop {
            let page = tx.described_recipients(campaign, after, PAGE).await?;
            for recipient in &page {
                let variables = recipient.variables.as_object().unwrap_or(&none);
                lacks.add(recipient.number, unsayable(variables).into_iter());
            }
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after = last.number.digits(),
                _ => return Ok(lacks),
            }
        }
    }

    /// Takes note of what keeps the texts from being said to somebody. A variable may be missing in several.
    fn add(&mut self, number: E164, said: impl Iterator<Item = Unsayable>) {
        let (mut missing, mut too_long) = (BTreeSet::new(), false);
        for unsayable in said {
            match unsayable {
                Unsayable::TooLong => too_long = true,
                Unsayable::Missing(names) => missing.extend(names),
            }
        }
        self.recipients += u64::from(!missing.is_empty());
        self.too_long += u64::from(too_long && missing.is_empty());
        missing.into_iter().for_each(|name| self.variables.entry(name).or_default().add(number));
    }
}

impl Lack {
    fn add(&mut self, number: E164) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(number);
        }
    }
}

/// What every message has beside the recipient's own variables.
fn with_what_messages_have(own: &Map<String, Value>) -> Map<String, Value> {
    let given = ["tried.times", "tried.channel", "tried.outcome", "tried.at", UNSUBSCRIBE];
    let mut all: Map<String, Value> =
        given.iter().map(|name| ((*name).to_owned(), Value::from("x"))).collect();
    all.extend(own.clone());
    all
}

/// A message that cannot be put together lacks something, too: an e-mail its address.
fn as_unsayable(unsayable: message::Unsayable) -> Unsayable {
    match unsayable {
        message::Unsayable::Missing(names) => Unsayable::Missing(names),
        message::Unsayable::NoAddress => Unsayable::Missing(vec![EMAIL.to_owned()]),
        message::Unsayable::TooLong => Unsayable::TooLong,
    }
}

fn has_places(text: &str) -> bool {
    opening::fill(text, &Map::new()).text != text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recipient_counts_once() {
        let number = |n: u64| E164::try_from(14_155_550_100 + n).unwrap();
        let missing =
            |names: &[&str]| Unsayable::Missing(names.iter().map(|name| (*name).to_owned()).collect());
        let mut lacks = Lacks::default();
        lacks.add(number(0), [].into_iter());
        for n in 1..=7 {
            lacks.add(number(n), [missing(&["name", "city"]), missing(&["name"])].into_iter());
        }
        lacks.add(number(8), [missing(&["name"]), Unsayable::TooLong].into_iter());
        lacks.add(number(9), [Unsayable::TooLong, Unsayable::TooLong].into_iter());
        assert_eq!((lacks.recipients, lacks.too_long), (8, 1));
        let counts: Vec<_> = lacks.variables.iter().map(|(name, lack)| (name.as_str(), lack.count)).collect();
        assert_eq!(counts, [("city", 7), ("name", 8)]);
        assert_eq!(lacks.variables["name"].examples, (1..=5).map(number).collect::<Vec<_>>());
    }

    #[test]
    fn only_texts_with_places_are_worth_a_look() {
        assert!(has_places("Hello {{name}}") && has_places("{{name|you}}"));
        assert!(!has_places("Hello {name}") && !has_places("{{"));
    }
}
