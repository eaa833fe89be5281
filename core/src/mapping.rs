//! What the columns of a list are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which column of a list is what. Names are those of the header, in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ColumnMapping {
    /// The column with the phone numbers; none looks for one by its usual names.
    #[serde(default)]
    pub number: Option<String>,
    /// The column with each recipient's own time zone (IANA); none looks for one by its usual names.
    #[serde(default)]
    pub timezone: Option<String>,
    /// Variables that are to have another name than their column: name of the column to name of the variable.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Columns that are to become nothing at all.
    #[serde(default)]
    pub ignore: Vec<String>,
}
