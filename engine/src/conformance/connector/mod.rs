//! The suite that every connector passes, against every real system: plain functions over a [`Harness`], by topic.
//!
//! A function panics with its topic where the connector breaks the contract. What a connector cannot do by its
//! capabilities or by what its harness promises is looked at too: it has to be declined, not to be done badly.

mod case;
mod faults;
mod guard;
mod harness;
mod read;
mod refusal;
mod samples;
mod sums;
mod values;
mod write;

pub use harness::{Edit, Harness, Promises, Table, from_text, to_text};

/// Everything, one after the other.
pub async fn all(harness: &dyn Harness) {
    read(harness).await;
    write(harness).await;
    guard(harness).await;
    refusal(harness).await;
    values(harness).await;
    sums(harness).await;
    faults(harness).await;
}

/// Pages, ranges, filters, lookups.
pub async fn read(harness: &dyn Harness) {
    read::pages_hold_every_record_once_in_key_order(harness).await;
    read::ranges_are_half_open(harness).await;
    read::text_keys_come_in_byte_order(harness).await;
    read::keys_of_two_parts_come_in_order(harness).await;
    read::a_filter_selects_what_the_engine_would(harness).await;
    read::an_empty_dataset_is_read_to_its_end(harness).await;
    read::lookups_answer_in_order_and_without_the_filter(harness).await;
    read::cuts_divide_the_dataset(harness).await;
    read::a_record_too_large_is_told_with_its_key(harness).await;
    read::columns_come_as_the_mapping_orders_them(harness).await;
    read::a_dataset_that_is_not_there_is_none(harness).await;
}

/// Creates, updates, deletes and what they leave alone.
pub async fn write(harness: &dyn Harness) {
    write::each_kind_of_write_does_what_it_says(harness).await;
    write::an_update_sets_only_the_columns_it_names(harness).await;
    write::a_deleted_record_comes_back_whole(harness).await;
    write::a_create_leaves_other_columns_to_the_system(harness).await;
    write::a_full_batch_is_answered_in_order(harness).await;
    write::keys_of_two_parts_are_written(harness).await;
    write::what_a_trigger_made_is_read_back(harness).await;
    write::what_was_committed_is_seen_by_the_next(harness).await;
    write::writing_nothing_changes_nothing(harness).await;
}

/// What somebody else wrote is never overwritten.
pub async fn guard(harness: &dyn Harness) {
    guard::a_changed_record_is_left_alone(harness).await;
    guard::a_vanished_record_is_not_written(harness).await;
    guard::an_existing_record_is_not_created(harness).await;
    guard::a_write_that_expects_something_else_is_answered_with_moved(harness).await;
    guard::a_snapshot_does_not_write_what_changed_since(harness).await;
    guard::a_snapshot_does_not_create_what_came_since(harness).await;
    guard::of_two_transactions_one_writes(harness).await;
}

/// Records that the system refuses.
pub async fn refusal(harness: &dyn Harness) {
    refusal::a_unique_value_is_refused_and_may_be_tried_again(harness).await;
    refusal::swapped_unique_values_are_refused_or_written(harness).await;
    refusal::null_is_refused_where_it_must_not_be(harness).await;
    refusal::a_check_refuses_one_record(harness).await;
}

/// Values that come back as they were.
pub async fn values(harness: &dyn Harness) {
    values::every_value_comes_back_or_is_refused(harness).await;
    values::null_and_empty_text_are_told_apart(harness).await;
    values::what_others_wrote_is_read_as_it_is(harness).await;
}

/// Sums over ranges.
pub async fn sums(harness: &dyn Harness) {
    sums::sums_stay_equal_while_nothing_changes(harness).await;
    sums::sums_count_the_records_of_their_parts(harness).await;
    sums::sums_see_every_kind_of_edit(harness).await;
    sums::sums_see_own_writes_as_they_stay(harness).await;
}

/// Transactions that do not end well.
pub async fn faults(harness: &dyn Harness) {
    faults::a_rollback_leaves_nothing(harness).await;
    faults::a_dropped_transaction_leaves_nothing(harness).await;
    faults::a_write_given_up_leaves_nothing(harness).await;
    faults::nothing_is_seen_before_it_takes_effect(harness).await;
    faults::a_file_that_moved_is_not_replaced(harness).await;
}
