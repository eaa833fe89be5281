//! Accounts: signing up, logging in, passwords.

use axum::http::{HeaderName, header};
use ringfleet_core::{Role, UserId, WorkspaceId, account, token::ACCESS_LASTS};
use ringfleet_engine::{Credentials, Grant, NewAccount};
use ringfleet_store::{Page, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ApiSettings,
    auth::{Anyone, SignedIn},
    check,
    cookies::{Cookies, REFRESH},
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::{Json, NoBody},
};

use super::workspaces;

/// Longest name of a person, in characters.
const NAME_LIMIT: usize = 100;
/// Workspaces shown with a user; the list of workspaces has all of them.
const SHOWN: u32 = 100;

/// An answer that sets the cookie of the refresh token.
pub(super) type WithCookie<T> = ([(HeaderName, String); 1], Reply<T>);

/// A link to a page of this server for a token that goes by mail. The token is in the fragment, which no server's log sees.
pub(super) fn link(settings: &ApiSettings, page: &str, token: &str) -> String {
    let base = settings.base_url.as_str().trim_end_matches('/');
    format!("{base}/{page}#token={token}")
}

/// A user as the API shows them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub(super) struct UserView {
    id: UserId,
    email: String,
    name: String,
    superuser: bool,
    created_at: Moment,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            superuser: user.superuser,
            created_at: user.created_at.into(),
        }
    }
}

/// What a login is answered with; the refresh token is in a cookie.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Login)]
pub(super) struct GrantView {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    user: UserView,
}

fn granted(settings: &ApiSettings, grant: Grant, lasts: i64) -> WithCookie<GrantView> {
    let cookie = cookie(settings, &grant, lasts);
    let view = GrantView {
        access_token: grant.access_token,
        token_type: "Bearer",
        expires_in: ACCESS_LASTS.num_seconds(),
        user: grant.user.into(),
    };
    ([(header::SET_COOKIE, cookie)], Reply::ok(view))
}

/// What sets the cookie of a login that lasts so many seconds.
pub(super) fn cookie(settings: &ApiSettings, grant: &Grant, lasts: i64) -> String {
    REFRESH.set(&grant.refresh_token.text(), lasts, &settings.base_url)
}

fn without_cookie<T>(settings: &ApiSettings, data: T) -> WithCookie<T> {
    ([(header::SET_COOKIE, REFRESH.set("", 0, &settings.base_url))], Reply::ok(data))
}

/// For how many seconds a login lasts from now on.
pub(super) fn seconds_left(door: &Anyone, grant: &Grant) -> i64 {
    (grant.expires_at - door.engine().clock().now()).num_seconds()
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SignUp)]
pub(super) struct SignUpBody {
    email: String,
    password: String,
    name: Option<String>,
    workspace: Option<String>,
    invite_token: Option<String>,
}

/// `POST /auth/signup`: makes an account and logs it in.
///
/// With the token of an invitation it joins that workspace, else it makes one. The first user of an installation is its superuser.
pub(super) async fn sign_up(door: Anyone, Json(body): Json<SignUpBody>) -> Result<WithCookie<GrantView>> {
    let email = email(&body.email)?;
    let name = body.name.unwrap_or_else(|| email.chars().take(NAME_LIMIT).collect());
    let workspace = match (body.workspace, &body.invite_token) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "workspace",
                "leave it out: the invitation says which workspace to join",
            ));
        }
        (Some(name), None) => Some(
            check::name(name, workspaces::NAME_LIMIT)
                .map(|name| name.trim().to_owned())
                .map_err(|error| error.renamed("name", "workspace"))?,
        ),
        (None, None) => Some(email.chars().take(workspaces::NAME_LIMIT).collect()),
        (None, Some(_)) => None,
    };
    let new = NewAccount {
        name: check::name(name, NAME_LIMIT)?,
        email,
        password: body.password,
        workspace,
        invite: body.invite_token,
    };
    let grant = door.engine().sign_up(door.settings().access, new, door.origin()).await?;
    let lasts = seconds_left(&door, &grant);
    Ok(granted(door.settings(), grant, lasts))
}

fn email(text: &str) -> Result<String> {
    account::email(text).map_err(|problem| ApiError::invalid("email", problem))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Credentials)]
pub(super) struct LoginBody {
    email: String,
    password: String,
}

/// `POST /auth/login`: by password. Whatever is wrong, the answer is the same and takes as long.
pub(super) async fn log_in(door: Anyone, Json(body): Json<LoginBody>) -> Result<WithCookie<GrantView>> {
    let email = email(&body.email)?;
    let address = door.address();
    let shown = Credentials { email: &email, password: &body.password, address: &address };
    let grant = door.engine().log_in(&shown).await?;
    let lasts = seconds_left(&door, &grant);
    Ok(granted(door.settings(), grant, lasts))
}

/// `POST /auth/refresh`: a fresh access token and a fresh cookie for the one that was sent.
pub(super) async fn refresh(door: Anyone, cookies: Cookies, _: NoBody) -> Result<WithCookie<GrantView>> {
    let shown = cookies
        .get(&REFRESH)
        .ok_or_else(|| ApiError::unauthorized("there is no cookie of a login; log in"))?;
    let grant = door.engine().refresh(shown).await?;
    let lasts = seconds_left(&door, &grant);
    Ok(granted(door.settings(), grant, lasts))
}

/// How many logins have ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LoggedOut)]
pub(super) struct EndedView {
    logged_out: bool,
}

/// `POST /auth/logout`: ends the login of the cookie. Its access tokens open nothing any more.
pub(super) async fn log_out(door: Anyone, cookies: Cookies, _: NoBody) -> Result<WithCookie<EndedView>> {
    if let Some(shown) = cookies.get(&REFRESH) {
        door.engine().log_out(shown).await?;
    }
    Ok(without_cookie(door.settings(), EndedView { logged_out: true }))
}

/// `POST /auth/logout-all`: ends all logins of the user.
pub(super) async fn log_out_everywhere(door: SignedIn, _: NoBody) -> Result<WithCookie<EndedView>> {
    door.engine().log_out_everywhere(door.user()).await?;
    Ok(without_cookie(door.settings(), EndedView { logged_out: true }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub(super) struct ChangeBody {
    current_password: String,
    new_password: String,
}

/// That it is done.
#[derive(Serialize, ToSchema)]
#[schema(as = Done)]
pub(super) struct DoneView {
    done: bool,
}

/// `POST /auth/password/change`: another password; all other logins end.
pub(super) async fn change_password(door: SignedIn, Json(body): Json<ChangeBody>) -> Result<Reply<DoneView>> {
    let engine = door.engine();
    engine.change_password(door.user(), door.login(), &body.current_password, &body.new_password).await?;
    Ok(Reply::ok(DoneView { done: true }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PasswordForgotten)]
pub(super) struct ForgotBody {
    email: String,
}

/// `POST /auth/password/forgot`: sends a link, if there is such an account; the answer does not tell.
pub(super) async fn forgot(door: Anyone, Json(body): Json<ForgotBody>) -> Result<Reply<DoneView>> {
    let email = email(&body.email)?;
    let mailer = door.mailer().cloned().ok_or_else(|| {
        ApiError::not_set_up(
            "NO_MAIL",
            "this server sends no mail; ask who runs it to set [mail] or to make you a new account",
        )
    })?;
    door.engine().may_ask_for_reset(&email, &door.address()).await?;
    let (engine, settings) = (door.engine().clone(), door.settings().clone());
    tokio::spawn(async move {
        match engine.begin_reset(&email).await {
            Ok(None) => {}
            Ok(Some(reset)) => {
                let link = link(&settings, "reset", &reset.token);
                let text = format!(
                    "Somebody, probably you, wants to set a new password for your account on Ringfleet.\n\n\
                     Set it within an hour:\n{link}\n\nIf it was not you, ignore this mail: nothing has changed.\n"
                );
                mailer.send(&reset.user.email, "Set a new password", text);
            }
            Err(error) => tracing::warn!(%error, "a link to set a new password could not be made"),
        }
    });
    Ok(Reply::accepted(DoneView { done: true }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PasswordReset)]
pub(super) struct ResetBody {
    token: String,
    password: String,
}

/// `POST /auth/password/reset`: sets the password with the token of the link; all logins end.
pub(super) async fn reset(door: Anyone, Json(body): Json<ResetBody>) -> Result<Reply<DoneView>> {
    door.engine().reset_password(&body.token, &body.password, &door.address()).await?;
    Ok(Reply::ok(DoneView { done: true }))
}

/// Oneself.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Me)]
pub(super) struct MeView {
    #[serde(flatten)]
    user: UserView,
    has_password: bool,
    has_google: bool,
    workspaces: Vec<HomeView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Home)]
struct HomeView {
    id: WorkspaceId,
    name: String,
    role: Role,
}

/// `GET /users/me`: who one is, and one's workspaces.
pub(super) async fn me(door: SignedIn) -> Result<Reply<MeView>> {
    let mut tx = door.engine().store().read().await?;
    let user = tx.user(door.user()).await?.ok_or_else(|| ApiError::not_found("user"))?;
    let homes = tx.memberships(door.user(), Page::first(SHOWN)).await?;
    tx.commit().await?;
    let (has_password, has_google) = (user.password.is_some(), user.google_subject.is_some());
    let workspaces =
        homes.into_iter().map(|it| HomeView { id: it.id, name: it.name, role: it.role }).collect();
    Ok(Reply::ok(MeView { user: user.into(), has_password, has_google, workspaces }))
}
