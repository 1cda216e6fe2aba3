//! Tables made from the schema of any system (`create_target`): what they will be, and making them.

use pinksync_engine::schema::{Carrier, ColumnSchema, DatasetSchema, FieldType};
use pinksync_engine::{Error, ErrorKind, Result};

use super::catalog::get;
use super::client::Session;
use super::error::translate;
use super::schema::full_name;
use super::sql;
use super::types::{Wire, column_type, created_type};

const OPERATION: &str = "create a table";

/// Longer names are cut off by the server, in silence.
const NAME_BYTES: usize = 63;

/// Columns that every table has.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// The types that are known here by these names, and whether a table may be made in a schema.
const TYPES: &str = "
SELECT to_regtype(n.name)::oid AS type FROM unnest($1::text[]) WITH ORDINALITY AS n(name, place) ORDER BY n.place";
const MAY_CREATE: &str = "
SELECT has_schema_privilege(oid, 'CREATE') AS may FROM pg_namespace WHERE nspname = $1";

/// The table that [`create`] makes of a schema. `from_kind` says where that comes from: types of PostgreSQL are taken by
/// name, and one that is not known here (an enum of the other database) becomes text.
pub async fn foresee(session: &mut Session, schema: &DatasetSchema, from_kind: &str) -> Result<DatasetSchema> {
    let name = full_name(session, &schema.name).await?;
    check_place(session, &name).await?;
    let mut columns = schema.columns.clone();
    columns.iter().try_for_each(|column| check_name(&name, &column.name))?;
    match from_kind {
        "postgres" => keep_known_types(session, &mut columns).await?,
        _ => columns.iter_mut().for_each(|column| {
            column.native = column_type(&column.ty, schema.primary_key.contains(&column.name));
            column.ty = created_type(&column.ty);
        }),
    }
    for column in &mut columns {
        column.carrier = Carrier::Typed;
        column.nullable &= !schema.primary_key.contains(&column.name);
        column.empty_is_null = false;
        column.ordered = false;
    }
    Ok(DatasetSchema { name, columns, estimated_rows: Some(0), transforms: false, ..schema.clone() })
}

async fn check_place(session: &mut Session, name: &str) -> Result<()> {
    let Some((namespace, table)) = name.split_once('.') else { return Ok(()) };
    check_name(name, table)?;
    let found = session.client.query_opt(MAY_CREATE, &[&namespace]).await;
    match found.map_err(|error| translate(OPERATION, error))?.map(|row| get::<bool>(&row, "may")).transpose()? {
        Some(true) => Ok(()),
        Some(false) => {
            let message = format!("the user may not make tables in the schema `{namespace}`");
            Err(Error::new(ErrorKind::Denied, OPERATION, message)
                .with_remedy(format!("GRANT CREATE ON SCHEMA {} to the user", sql::identifier(namespace))))
        }
        None => Err(Error::new(ErrorKind::Definition, OPERATION, format!("there is no schema `{namespace}`"))
            .with_remedy("create the schema first")),
    }
}

fn check_name(table: &str, name: &str) -> Result<()> {
    let reason = match name {
        name if name.len() > NAME_BYTES => format!("is longer than the {NAME_BYTES} bytes that a name has here"),
        name if SYSTEM_COLUMNS.contains(&name) => "is a name that PostgreSQL keeps for itself".to_owned(),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Definition, OPERATION, format!("{table}: `{name}` {reason}"))
        .with_remedy("give it another name at the target (`fields: {NAME: {to: OTHER}}`), or exclude the column"))
}

async fn keep_known_types(session: &mut Session, columns: &mut [ColumnSchema]) -> Result<()> {
    let names: Vec<&str> = columns.iter().map(|column| without_collation(&column.native)).collect();
    let rows = session.client.query(TYPES, &[&names]).await.map_err(|error| translate(OPERATION, error))?;
    for (column, row) in columns.iter_mut().zip(&rows) {
        match get::<Option<u32>>(row, "type")? {
            Some(oid) => {
                // Its collation is not taken along; what was text of its own kind is plain text here.
                if matches!(column.ty, FieldType::Native { .. }) && matches!(Wire::of(oid), Wire::Text | Wire::Padded) {
                    column.ty = FieldType::TEXT;
                }
            }
            None => {
                column.native = column_type(&FieldType::TEXT, false);
                column.ty = FieldType::TEXT;
            }
        }
    }
    Ok(())
}

fn without_collation(native: &str) -> &str {
    native.split_once(" COLLATE ").map_or(native, |(name, _)| name)
}

/// Creates a table as it was foreseen.
pub async fn create(session: &mut Session, schema: &DatasetSchema) -> Result<()> {
    let statement = create_statement(schema)?;
    // The extended protocol takes one statement only, whatever a foreign type name holds.
    session.client.execute(&statement, &[]).await.map_err(|error| translate(OPERATION, error))?;
    Ok(())
}

fn create_statement(schema: &DatasetSchema) -> Result<String> {
    let mut parts = Vec::with_capacity(schema.columns.len() + 1);
    for column in &schema.columns {
        let not_null = if column.nullable { "" } else { " NOT NULL" };
        let ty = native(schema, &column.native)?;
        parts.push(format!("{} {ty}{not_null}", sql::identifier(&column.name)));
    }
    if !schema.primary_key.is_empty() {
        let names: Vec<String> = schema.primary_key.iter().map(|name| sql::identifier(name)).collect();
        parts.push(format!("PRIMARY KEY ({})", names.join(", ")));
    }
    let name = match schema.name.split_once('.') {
        Some((namespace, name)) => sql::qualified(namespace, name),
        None => sql::identifier(&schema.name),
    };
    Ok(format!("CREATE TABLE {name} ({})", parts.join(", ")))
}

/// A type's name as another server wrote it: words, modifiers, quoted names and a collation, nothing else.
fn native<'a>(schema: &DatasetSchema, name: &'a str) -> Result<&'a str> {
    let mut quoted = false;
    let plain = name.chars().all(|character| match character {
        '"' => {
            quoted = !quoted;
            true
        }
        _ if quoted => true,
        _ => character.is_alphanumeric() || "_ ,.()[]-".contains(character),
    });
    let balanced = name.matches('(').count() == name.matches(')').count();
    match plain && !quoted && balanced && !name.contains("--") && !name.is_empty() {
        true => Ok(name),
        false => {
            Err(Error::new(ErrorKind::Definition, "create a table", format!("{}: `{name}` is no type", schema.name))
                .with_remedy("create the table yourself"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(native: &str) -> DatasetSchema {
        let column = |name: &str, ty: FieldType, nullable| ColumnSchema {
            name: name.to_owned(),
            ty,
            carrier: Carrier::Typed,
            native: native.to_owned(),
            nullable,
            writable: true,
            empty_is_null: false,
            ordered: false,
        };
        DatasetSchema {
            name: "shop.items".to_owned(),
            columns: vec![
                column("id", FieldType::TEXT, false),
                column("it's \"x\"", FieldType::Int { bits: 32 }, true),
            ],
            primary_key: vec!["id".to_owned()],
            unique_keys: vec![vec!["id".to_owned()]],
            estimated_rows: None,
            transforms: false,
            references: Vec::new(),
            writable: true,
        }
    }

    #[test]
    fn names_are_quoted_and_types_stand_as_they_are() {
        let statement = create_statement(&schema("text COLLATE \"C\"")).unwrap();
        assert_eq!(
            statement,
            "CREATE TABLE \"shop\".\"items\" (\"id\" text COLLATE \"C\" NOT NULL, \"it's \"\"x\"\"\" text COLLATE \"C\", PRIMARY KEY (\"id\"))"
        );
        for hostile in ["", "int); DROP TABLE x; --", "int' ", "int -- x", "int)", "\"x", "int/*"] {
            assert!(create_statement(&schema(hostile)).is_err(), "{hostile}");
        }
        for name in ["numeric(10,-2)[]", "\"My; Type\"(3) COLLATE \"C\""] {
            assert!(create_statement(&schema(name)).unwrap().contains(name), "{name}");
        }
    }

    #[test]
    fn a_name_that_the_server_would_cut_or_not_take_is_refused() {
        for name in ["xmin", &"x".repeat(64), &"ü".repeat(32)] {
            let error = check_name("t", name).unwrap_err();
            assert!(error.message().contains(name) && error.remedy().is_some(), "{error}");
        }
        assert!(check_name("t", &"x".repeat(63)).is_ok());
    }
}
