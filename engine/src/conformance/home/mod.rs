//! The suite that every home passes: plain functions over [`Homes`], by topic.
//!
//! A function panics where a home breaks the contract of [`crate::home::Home`].
#![allow(clippy::unwrap_used, reason = "a suite of tests")]

mod base;
mod conflicts;
mod deferred;
mod journal;
mod made;
mod prepared;
mod runs;
mod settle;
mod staging;

use std::sync::Arc;

use async_trait::async_trait;

use crate::home::Home;

/// Makes the homes under test.
#[async_trait]
pub trait Homes: Send + Sync {
    /// A home that remembers nothing yet and shares nothing with the others.
    async fn fresh(&self) -> Arc<dyn Home>;

    /// What another process finds after the one that used `home` has ended without a word.
    async fn reopen(&self, home: Arc<dyn Home>) -> Arc<dyn Home>;
}

/// Everything, one after the other.
pub async fn all(homes: &dyn Homes) {
    base(homes).await;
    journal(homes).await;
    settle(homes).await;
    conflicts(homes).await;
    deferred(homes).await;
    staging(homes).await;
}

/// Terms, blocks, and replacing a stretch of them only if nobody else did.
pub async fn base(homes: &dyn Homes) {
    base::a_new_dataset_has_no_terms_and_no_blocks(homes).await;
    base::terms_are_replaced(homes).await;
    base::blocks_come_in_key_order_as_they_were_given(homes).await;
    base::blobs_come_in_the_order_asked(homes).await;
    base::a_block_that_is_gone_cannot_be_loaded(homes).await;
    base::a_replaced_block_gets_a_new_id(homes).await;
    base::a_change_over_other_blocks_stores_nothing(homes).await;
    base::of_several_changes_all_or_none_are_stored(homes).await;
    base::blocks_are_split_and_joined(homes).await;
    base::neighbours_of_a_change_stay(homes).await;
    base::a_change_that_would_lose_entries_is_refused(homes).await;
    base::skipped_blocks_are_marked_and_stay(homes).await;
    base::forgetting_is_for_one_dataset(homes).await;
    base::of_many_who_replace_a_block_one_succeeds(homes).await;
}

/// Pending, done, amended, void, undone.
pub async fn journal(homes: &dyn Homes) {
    journal::a_chunk_reads_back_as_it_was_written(homes).await;
    journal::a_chunk_is_found_by_its_id_while_it_is_pending(homes).await;
    journal::pending_chunks_of_all_sessions_come_oldest_first(homes).await;
    journal::done_chunks_are_history_newest_first(homes).await;
    journal::a_void_chunk_is_gone(homes).await;
    journal::an_amended_chunk_is_done_with_what_was_applied(homes).await;
    journal::an_undone_chunk_leaves_the_history(homes).await;
    journal::a_chunk_is_settled_once(homes).await;
    journal::a_pending_chunk_outlives_its_process(homes).await;
}

/// Counters, atomicity, and settlements that wait for a file to be published.
pub async fn settle(homes: &dyn Homes) {
    settle::counters_add_up_in_the_order_of_first_settle(homes).await;
    settle::counters_are_of_one_session(homes).await;
    settle::overridden_guards_are_kept_once_and_outlive_their_process(homes).await;
    settle::what_moved_leaves_nothing(homes).await;
    settle::what_is_settled_outlives_its_process(homes).await;
    settle::datasets_do_not_see_each_other(homes).await;
    prepared::prepared_settlements_take_effect_together(homes).await;
    prepared::one_that_moved_keeps_back_all(homes).await;
    prepared::dropped_ones_never_take_effect(homes).await;
    prepared::they_are_of_one_session_and_dataset(homes).await;
    prepared::all_that_a_settlement_says_is_kept_until_then(homes).await;
}

/// One open conflict per record, and how it is closed.
pub async fn conflicts(homes: &dyn Homes) {
    conflicts::open_ones_are_listed_by_range(homes).await;
    conflicts::a_record_has_one_open_conflict(homes).await;
    conflicts::a_settled_record_closes_the_open_one(homes).await;
    conflicts::a_settled_record_opens_none(homes).await;
    conflicts::superseding_closes_the_open_one(homes).await;
    conflicts::contended_ones_wait_for_nobody(homes).await;
    conflicts::what_an_undo_opens_again_waits_only_where_it_did_before(homes).await;
    conflicts::a_record_can_be_in_conflict_again(homes).await;
    conflicts::deciding_an_unknown_one_is_an_error(homes).await;
}

/// Records to be looked at again.
pub async fn deferred(homes: &dyn Homes) {
    deferred::they_come_in_key_order_by_pages(homes).await;
    deferred::rejects_without_a_key_are_known_by_side(homes).await;
    deferred::a_record_is_deferred_once_per_kind(homes).await;
    deferred::done_ones_are_gone(homes).await;
    deferred::they_are_counted_by_side(homes).await;
    deferred::they_are_of_one_session_and_dataset(homes).await;
}

/// Runs of unordered rows.
pub async fn staging(homes: &dyn Homes) {
    staging::rows_come_in_key_order_as_they_were_given(homes).await;
    staging::rows_in_order_and_in_reverse_come_alike(homes).await;
    staging::an_empty_run_has_nothing(homes).await;
    staging::repeated_keys_are_an_error_that_names_them(homes).await;
    staging::a_new_run_takes_the_place_of_its_own_predecessor_only(homes).await;
    runs::ranges_are_half_open(homes).await;
    runs::pages_cut_by_their_budget_join_without_a_gap(homes).await;
    runs::cuts_divide_a_run_evenly(homes).await;
    runs::sums_are_of_the_rows_between_the_cuts(homes).await;
    runs::a_run_is_read_by_several_tasks(homes).await;
}
