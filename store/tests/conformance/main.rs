//! One suite for both engines: what holds on PostgreSQL holds on SQLite. Each test is an `async fn` that takes a fresh, migrated
//! database; the list below makes `sqlite::…` and `postgres::…` of it. A test left out of the list is dead code to the compiler.
#![cfg(test)]

mod support;

mod agents;
mod audit;
mod brakes;
mod caller_ids;
mod calls;
mod campaigns;
mod claims;
mod deliveries;
mod giving_up;
mod identity;
mod imports;
mod isolation;
mod leads;
mod lifecycle;
mod messages;
mod nul;
mod pages;
mod plans;
mod receipts;
mod recordings;
mod recovery;
mod retention;
mod scheduled_calls;
mod schema;
mod seats;
mod speed;
mod together;
mod trips;
mod uploads;
mod watched;
mod webhooks;
mod workers;

macro_rules! on_both_engines {
    ($($file:ident: $($name:ident)+;)+) => {
        mod sqlite {$(
            mod $file {$(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    crate::$file::$name(crate::support::Db::sqlite().await).await;
                }
            )+}
        )+}
        mod postgres {$(
            mod $file {$(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    crate::$file::$name(crate::support::Db::postgres().await).await;
                }
            )+}
        )+}
    };
}

on_both_engines! {
    trips: workspaces_and_keys agents trunks campaigns recipients calls webhooks odd_texts json_of_every_kind
           whole_numbers_and_moments_are_exact a_dropped_transaction_never_happened the_database_answers
           a_reader_cannot_write;
    nul: is_refused_everywhere spelled_out_it_is_just_text;
    isolation: nobody_sees_another_workspace;
    identity: keys_end_and_change keys_are_listed_and_held members_come_and_go invitations_are_good_once
              logins_are_renewed_and_ended visitors_are_who_they_say resets_are_good_once attempts_are_counted
              attempts_are_counted_while_others_succeed invitations_are_taken_while_they_are_replaced
              a_deleted_workspace_is_shut one_secret_for_all what_is_signed_with_is_kept_sealed there_is_one_first_user what_is_over_is_forgotten;
    pages: lists_lose_and_double_nothing recipients_of_a_list_come_in_pages filters_narrow_a_list;
    claims: the_earliest_due_come_first a_limit_is_a_limit nobody_is_claimed_twice numbers_are_unique_in_a_campaign
            outcomes_are_written_and_kept holds_come_and_go cancelling_spares_the_active;
    calls: a_call_from_the_claim_to_the_end a_dial_has_everything only_what_may_begin_begins one_worker_wins
           only_the_owner_settles no_room_sends_a_call_back waiting_calls_are_postponed waiting_calls_are_pushed
           a_paused_campaign_pushes_nothing empty_batches_are_fine;
    recovery: a_dead_workers_calls_are_orphans an_orphan_is_adopted_once the_dead_adopt_nobody
        a_stray_is_disowned_by_its_worker_only
              a_pause_withdraws_what_never_left a_cancel_ends_what_came_back;
    campaigns: states_and_moments running_ones_are_found open_recipients_and_counts waiting_ones_come_with_what_is_known_of_them what_is_over_is_wound_up_in_portions counters_add_up;
    lifecycle: what_is_due_is_found_at_its_time one_run_for_each_time a_list_is_copied_from_where_it_stands settings_are_kept
               recipients_find_their_places recipients_end_as_told_and_are_called_back live_calls_are_hung_up_once;
    scheduled_calls: each_recipient_is_one_call transcripts_are_kept campaigns_of_an_agent_and_their_counters;
    messages: each_step_is_a_queue_of_its_own a_plan_with_messages_is_known_by_them what_is_told_of_a_message_is_kept
        a_reply_is_kept_once the_calls_of_a_recipient_are_found_and_held_together;
    recordings: a_recording_is_noted_stored_and_forgotten;
    retention: what_is_old_is_forgotten_and_what_is_open_is_not what_stands_alone_is_forgotten_by_its_age;
    leads: a_number_is_one_lead what_holds_of_a_number_is_found calls_to_a_number_are_found_by_its_campaigns;
    imports: an_import_runs_and_ends stalled_ones_fail rejects_come_in_pages;
    uploads: what_is_kept_is_counted parts_lie_end_to_end one_looks_through_an_upload_at_a_time one_brings_a_file_into_a_campaign_at_a_time
             only_who_holds_a_filling_closes_it workspaces_take_turns_in_filling portions_are_noted_once
             an_upload_counts_what_it_tells unused_ones_are_forgotten a_load_brings_all_over_as_an_insert_does
             a_load_fails_over_a_known_number;
    deliveries: an_attempt_that_was_not_made_does_not_count a_letter_is_sent_once failures_come_back_when_due those_to_be_sent_are_counted_up_to_a_limit a_closed_one_stays_closed lost_ones_are_pushed_again
                deleting_an_endpoint_gives_up one_made_during_a_deletion_is_closed;
    giving_up: a_backlog_is_closed_in_portions one_that_is_on_again_begins_anew;
    agents: versions_are_kept_and_one_is_live an_agent_that_was_put_away_is_not_listed
            a_call_is_made_with_the_version_that_is_live_when_it_begins;
    webhooks: everything_of_an_endpoint_is_kept endpoints_are_found_by_their_format an_endpoint_is_switched_off_and_on secrets_overlap_as_long_as_told
              requests_are_kept_and_deliveries_replayed a_campaign_counts_what_it_tells secrets_are_sealed_at_rest
              headers_are_sealed_at_rest ended_ones_are_forgotten_with_their_events;
    audit: every_row_comes_once deliveries_bring_their_events what_is_not_over_is_counted;
    workers: live_while_they_beat can_tell_how_wrong_their_clock_is retire_by_themselves hear_whether_they_drain;
    watched: samples_tell_how_campaigns_stood live_calls_are_listed_and_counted;
    brakes: trunks_are_unknown_until_they_have_trouble trunks_come_due a_dial_says_how_its_trunk_is
            calls_wait_for_their_trunk_and_are_let_go live_calls_are_counted_from_a_moment_on
            failures_of_many_settlers_have_one_place_each a_tripped_campaign_is_found_until_it_has_stopped
            groups_are_kept_and_their_stranded_calls_move;
    seats: answers_that_many_workers_count_add_up a_dial_knows_the_seats_of_its_campaign
           for_whom_no_seat_was_free_is_known_before_the_end;
    caller_ids: pools_are_kept what_is_shown_is_counted_by_day two_workers_show_no_number_too_often;
    receipts: a_request_is_claimed_by_one a_claim_that_ran_out_is_taken_over_and_an_answer_is_not
              old_requests_are_forgotten_in_portions changes_are_listed_and_narrowed;
    schema: migrating_twice_changes_nothing an_empty_one_is_told an_older_one_is_told a_newer_one_is_told many_processes_migrate_at_once;
    together: two_workers_begin_overlapping_batches counters_equal_a_recount readers_do_not_wait_for_a_writer
              one_scheduler_dispatches_a_campaign who_waited_for_a_pause_sees_it
              lists_that_overlap_do_not_block_each_other two_workers_lease_overlapping_batches
              who_gives_up_in_the_middle_of_a_begin_leaves_no_trace a_column_that_is_added_meanwhile_disturbs_nobody_for_long;
}
