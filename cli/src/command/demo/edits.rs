//! What people did on both sides after the first session.

use super::folder::{Folder, crm_line, insert, unwritable};
use super::people::{NEW_AT_THE_CRM, NEW_AT_THE_SHOP};
use crate::failure::Failure;

/// Places of the CRM export's columns.
const PHONE: usize = 3;
const TOWN: usize = 4;
const UPDATED_AT: usize = 6;

/// When Jonas Weber was changed, on both sides.
const SAME_TIME: &str = "2026-03-10 11:00:00";

/// In the CRM: two changed, one deleted, two changed in the shop as well, two new.
pub fn at_the_crm(folder: &Folder) -> Result<(), Failure> {
    let path = folder.crm_file();
    let text = std::fs::read_to_string(&path).map_err(|error| unwritable(&path, &error))?;
    let mut edited = String::new();
    for line in text.lines() {
        let mut fields: Vec<&str> = line.split(',').collect();
        match fields.first().copied() {
            Some("1003") => set(&mut fields, PHONE, "+46 8 5550333", "2026-03-09 08:20:00"),
            Some("1007") => set(&mut fields, TOWN, "Marseille", "2026-03-09 10:02:14"),
            Some("1011") => continue,
            Some("1014") => set(&mut fields, PHONE, "+43 1 5550999", "2026-03-10 09:00:00"),
            Some("1016") => set(&mut fields, TOWN, "Bern", SAME_TIME),
            _ => {}
        }
        edited.push_str(&fields.join(","));
        edited.push('\n');
    }
    edited.extend(NEW_AT_THE_CRM.iter().map(crm_line));
    folder.put("crm/customers.csv", &edited)
}

fn set<'a>(fields: &mut [&'a str], place: usize, value: &'a str, time: &'a str) {
    for (at, value) in [(place, value), (UPDATED_AT, time)] {
        if let Some(field) = fields.get_mut(at) {
            *field = value;
        }
    }
}

/// In the shop: two changed, two changed in the CRM as well, one new.
pub fn at_the_shop(folder: &Folder) -> Result<(), Failure> {
    let shop = folder.shop()?;
    let edit = || -> rusqlite::Result<()> {
        let transaction = shop.unchecked_transaction()?;
        for (id, column, value, time) in [
            (1005, "email", "g.okafor@example.org", "2026-03-08 19:33:00"),
            (5002, "phone", "+33 4 95550222", "2026-03-09 12:12:12"),
            (1014, "email", "clara@vogel.example.com", "2026-03-10 10:30:00"),
            (1016, "city", "Luzern", SAME_TIME),
        ] {
            let update = format!("UPDATE customers SET {column} = ?1, updated_at = ?2 WHERE id = ?3");
            transaction.execute(&update, rusqlite::params![value, time, id])?;
        }
        for person in &NEW_AT_THE_SHOP {
            insert(&transaction, person)?;
        }
        transaction.commit()
    };
    edit().map_err(|error| unwritable(folder.path(), &error))
}
