//! Words by which somebody says: leave me alone.
//!
//! The English ones are those that carriers and the FCC name (47 CFR 64.1200(a)(10)); beside them what people write in other languages. Somebody
//! who is taken at a word too many gets no message; the other mistake is worse.

/// An answer that is nothing else than one of these is a stop. Lower case, without marks.
const WHOLE: &[&str] = &[
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "opt out",
    "remove me",
    // German, Dutch, Scandinavian
    "stopp",
    "abmelden",
    "abbestellen",
    "austragen",
    "afmelden",
    "uitschrijven",
    "avsluta",
    "avmeld",
    "afmeld",
    // French
    "arret",
    "arrêt",
    "arreter",
    "arrêter",
    "désabonner",
    "desabonner",
    // Spanish, Portuguese, Italian
    "alto",
    "baja",
    "parar",
    "pare",
    "basta",
    "cancelar",
    "sair",
    "descadastrar",
    "ferma",
    "fermati",
    "cancella",
    "disiscrivi",
    // Turkish, Polish, Czech, Russian, Ukrainian
    "dur",
    "iptal",
    "rezygnuję",
    "rezygnuje",
    "wypisz",
    "odhlásit",
    "стоп",
    "отписаться",
    "отписка",
    "відписатися",
    // Hindi, Bengali, Tamil, Urdu, Arabic
    "रोकें",
    "बंद करें",
    "बंद करो",
    "बंद",
    "band karo",
    "বন্ধ",
    "நிறுத்து",
    "بند کریں",
    "توقف",
    "إلغاء",
    "الغاء",
    "إلغاء الاشتراك",
    // Chinese, Japanese, Korean, Indonesian, Vietnamese
    "停止",
    "退订",
    "退訂",
    "td",
    "配信停止",
    "解除",
    "수신거부",
    "중지",
    "berhenti",
    "dừng",
    "huỷ",
];
/// In a short answer one of these is enough.
const AMONG_OTHERS: &[&str] = &["stop", "stopp", "stopall", "unsubscribe", "стоп", "停止", "退订"];
/// What a short answer is, in words.
const SHORT: usize = 4;

/// Whether somebody who answers so wants no more messages and calls.
pub fn is_stop(text: &str) -> bool {
    let plain: String = text.to_lowercase().chars().map(|c| if keeps(c) { c } else { ' ' }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let whole = words.join(" ");
    WHOLE.contains(&whole.as_str())
        || (words.len() <= SHORT && words.iter().any(|word| AMONG_OTHERS.contains(word)))
}

/// Letters, what modifies them (Devanagari's vowel signs are no letters), and digits.
fn keeps(c: char) -> bool {
    c.is_alphanumeric() || (!c.is_ascii() && !c.is_whitespace() && !"¡¿…«»„“”‚‘’–—。、！？،؟।".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_understood_however_it_is_written() {
        for text in [
            "STOP",
            "stop",
            " Stop. ",
            "Stop!!",
            "STOPALL",
            "please stop",
            "Stop calling me",
            "Unsubscribe",
            "opt-out",
            "OPT OUT",
            "Arrêt",
            "¡Alto!",
            "Стоп",
            "रोकें",
            "बंद करें",
            "停止。",
            "توقف",
            "don't stop",
            "Stopp",
            "ABMELDEN",
        ] {
            assert!(is_stop(text), "{text}");
        }
    }

    #[test]
    fn an_answer_is_not_a_stop() {
        for text in [
            "",
            "Yes",
            "Please call me tomorrow",
            "The bus stop is where we can meet tomorrow at noon",
            "When does it end?",
            "cancel my order please",
            "I won't quit",
            "ok",
            "👍",
            "1",
        ] {
            assert!(!is_stop(text), "{text}");
        }
    }
}
