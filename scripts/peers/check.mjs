// What a program written with Auth0's SDK does, in the versions that are in
// use: 7, which has a new Management client, and 4, whose Authentication client
// is still the one there is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as v7 from "auth0";
import * as v4 from "auth0-v4";

const tenant = JSON.parse(readFileSync(process.argv[2], "utf8"));
const domain = tenant.domain;
const audience = `https://${domain}/api/v2/`;
const secret = { domain, clientId: tenant.client_id, clientSecret: tenant.client_secret };
const key = { domain, clientId: tenant.private_key_client_id, clientAssertionSigningKey: tenant.private_key };
const version = (name) => {
  const file = createRequire(import.meta.url).resolve(name).replace(/\/dist\/.*/, "/package.json");
  return JSON.parse(readFileSync(file, "utf8")).version;
};

let failed = 0;
let passed = 0;
async function check(name, run) {
  try {
    await run();
    passed++;
    console.log(`ok    ${name}`);
  } catch (err) {
    failed++;
    console.log(`FAIL  ${name}\n      ${String(err.stack ?? err).replaceAll("\n", "\n      ")}`);
  }
}

async function collect(pager) {
  const all = [];
  for await (const one of pager) all.push(one);
  return all;
}

// The same jobs in both versions: what differs is how a call is written.
const dialects = {
  [`auth0 ${version("auth0")}`]: (credentials) => {
    const api = new v7.ManagementClient({ ...credentials, maxRetries: 0 });
    return {
      createUser: (body) => api.users.create(body),
      getUser: (id) => api.users.get(id),
      updateUser: (id, body) => api.users.update(id, body),
      deleteUser: (id) => api.users.delete(id),
      listUsers: async (args) => collect(await api.users.list(args)),
      byEmail: (email) => api.users.listUsersByEmail({ email }),
      assign: (id, roles) => api.users.roles.assign(id, { roles }),
      rolesOf: async (id) => collect(await api.users.roles.list(id)),
      unassign: (id, roles) => api.users.roles.delete(id, { roles }),
      createRole: (body) => api.roles.create(body),
      listRoles: async () => collect(await api.roles.list({ per_page: 1 })),
      usersOf: async (id) => collect(await api.roles.users.list(id)),
      createConnection: (body) => api.connections.create(body),
      listConnections: async (args) => collect(await api.connections.list(args)),
      getConnection: (id) => api.connections.get(id),
      updateConnection: (id, body) => api.connections.update(id, body),
      deleteConnection: (id) => api.connections.delete(id),
      createClient: (body) => api.clients.create(body),
      listClients: async () => collect(await api.clients.list({ per_page: 1 })),
      createOrganization: (body) => api.organizations.create(body),
      listOrganizations: async () => collect(await api.organizations.list()),
      addMembers: (id, members) => api.organizations.members.create(id, { members }),
      membersOf: async (id) => collect(await api.organizations.members.list(id)),
      settings: () => api.tenants.settings.get(),
      Failure: v7.ManagementError,
      code: (err) => err.body?.errorCode,
    };
  },
  [`auth0 ${version("auth0-v4")}`]: (credentials) => {
    const api = new v4.ManagementClient({ ...credentials, retry: { enabled: false } });
    const data = (promise) => promise.then((answer) => answer.data);
    return {
      createUser: (body) => data(api.users.create(body)),
      getUser: (id) => data(api.users.get({ id })),
      updateUser: (id, body) => data(api.users.update({ id }, body)),
      deleteUser: (id) => data(api.users.delete({ id })),
      listUsers: (args) => data(api.users.getAll(args)),
      byEmail: (email) => data(api.usersByEmail.getByEmail({ email })),
      assign: (id, roles) => data(api.users.assignRoles({ id }, { roles })),
      rolesOf: (id) => data(api.users.getRoles({ id })),
      unassign: (id, roles) => data(api.users.deleteRoles({ id }, { roles })),
      createRole: (body) => data(api.roles.create(body)),
      listRoles: () => data(api.roles.getAll()),
      usersOf: (id) => data(api.roles.getUsers({ id })),
      createConnection: (body) => data(api.connections.create(body)),
      listConnections: (args) => data(api.connections.getAll(args)),
      getConnection: (id) => data(api.connections.get({ id })),
      updateConnection: (id, body) => data(api.connections.update({ id }, body)),
      deleteConnection: (id) => data(api.connections.delete({ id })),
      createClient: (body) => data(api.clients.create(body)),
      listClients: () => data(api.clients.getAll()),
      createOrganization: (body) => data(api.organizations.create(body)),
      listOrganizations: () => data(api.organizations.getAll()),
      addMembers: (id, members) => data(api.organizations.addMembers({ id }, { members })),
      membersOf: (id) => data(api.organizations.getMembers({ id })),
      settings: () => data(api.tenants.getSettings()),
      Failure: v4.ManagementApiError,
      code: (err) => err.errorCode,
    };
  },
};

for (const [name, dial] of Object.entries(dialects)) {
  const slug = name.replace(/\W+/g, "-");
  const email = `new.${slug}@example.com`;
  const api = dial(secret);
  const failing = async (call, status, code) => {
    const err = await call.then(() => assert.fail("no error"), (err) => err);
    assert.ok(err instanceof api.Failure, `${err.constructor.name}: ${err.message}`);
    assert.equal(err.statusCode, status);
    if (code) assert.equal(api.code(err), code);
  };
  let id;

  await check(`${name}: users: create`, async () => {
    const user = await api.createUser({ connection: "people", email, password: "Secret-123!", user_metadata: { a: "<&>" } });
    assert.equal(user.email, email);
    assert.match(user.user_id, /^auth0\|/);
    assert.equal(user.identities[0].connection, "people");
    id = user.user_id;
  });
  await check(`${name}: users: get`, async () => {
    assert.deepEqual((await api.getUser(id)).user_metadata, { a: "<&>" });
  });
  await check(`${name}: users: list, search, by email`, async () => {
    const found = await api.listUsers({ q: `email:"${email}"`, search_engine: "v3", sort: "created_at:1" });
    assert.deepEqual(found.map((u) => u.user_id), [id]);
    assert.ok((await api.listUsers({})).length >= 2);
    assert.deepEqual((await api.byEmail(email)).map((u) => u.user_id), [id]);
  });
  await check(`${name}: users: pages`, async () => {
    const all = await api.listUsers({ per_page: 1 });
    assert.ok(all.length >= 1);
  });
  await check(`${name}: users: update`, async () => {
    const user = await api.updateUser(id, { blocked: true, app_metadata: { plan: "gold" } });
    assert.equal(user.blocked, true);
    assert.equal((await api.getUser(id)).app_metadata.plan, "gold");
  });
  await check(`${name}: users: errors`, async () => {
    await failing(api.getUser("auth0|nobody"), 404, "inexistent_user");
    await failing(api.createUser({ connection: "people", email, password: "Secret-123!" }), 409, "auth0_idp_error");
    await failing(api.createUser({ connection: "nowhere", email, password: "x" }), 400, "inexistent_connection");
  });
  await check(`${name}: roles: assign, list, unassign`, async () => {
    const made = await api.createRole({ name: `role ${slug}`, description: "made by the SDK" });
    await api.assign(id, ["rol_reader", made.id]);
    assert.deepEqual((await api.rolesOf(id)).map((r) => r.name).sort(), ["reader", made.name]);
    assert.deepEqual((await api.usersOf(made.id)).map((u) => u.user_id), [id]);
    assert.ok((await api.listRoles()).some((r) => r.id === made.id));
    await api.unassign(id, [made.id]);
    assert.deepEqual((await api.rolesOf(id)).map((r) => r.id), ["rol_reader"]);
    await failing(api.assign(id, ["rol_nothing"]), 404);
  });
  await check(`${name}: connections: create, list, update, delete`, async () => {
    const made = await api.createConnection({ name: slug, strategy: "auth0", options: { passwordPolicy: "good" } });
    assert.equal((await api.listConnections({ name: slug }))[0].id, made.id);
    await api.updateConnection(made.id, { options: { passwordPolicy: "excellent" } });
    assert.equal((await api.getConnection(made.id)).options.passwordPolicy, "excellent");
    await api.deleteConnection(made.id);
    await failing(api.getConnection(made.id), 404, "inexistent_connection");
  });
  await check(`${name}: clients: create, list`, async () => {
    const made = await api.createClient({ name: slug, app_type: "non_interactive" });
    assert.ok(made.client_id && made.client_secret);
    assert.ok((await api.listClients()).some((c) => c.client_id === made.client_id));
  });
  await check(`${name}: organizations: create, members`, async () => {
    const made = await api.createOrganization({ name: slug, display_name: "Made by the SDK" });
    await api.addMembers(made.id, [id]);
    assert.deepEqual((await api.membersOf(made.id)).map((m) => m.user_id), [id]);
    assert.ok((await api.listOrganizations()).some((o) => o.id === made.id));
  });
  await check(`${name}: tenant settings`, async () => {
    assert.equal(typeof (await api.settings()), "object");
  });
  await check(`${name}: management by private key`, async () => {
    assert.equal((await dial(key).getUser(id)).user_id, id);
  });
  await check(`${name}: users: delete`, async () => {
    await api.deleteUser(id);
    await failing(api.getUser(id), 404, "inexistent_user");
    await api.deleteUser(id); // of nobody is no error
  });
}

const login = new v4.AuthenticationClient(secret);
const ann = { username: "ann@example.com", password: "Correct-horse-9", realm: "people" };
const name = `auth0 ${version("auth0-v4")}: authentication`;
const refused = async (call, status, error) => {
  const err = await call.then(() => assert.fail("no error"), (err) => err);
  assert.ok(err instanceof v4.AuthApiError, `${err.constructor.name}: ${err.message}`);
  assert.equal(err.statusCode, status);
  assert.equal(err.error, error);
};
await check(`${name}: client credentials`, async () => {
  const { data } = await login.oauth.clientCredentialsGrant({ audience });
  assert.ok(data.access_token && data.expires_in > 0);
  assert.equal(data.token_type, "Bearer");
});
await check(`${name}: client credentials, wrong secret`, async () => {
  const wrong = new v4.AuthenticationClient({ ...secret, clientSecret: "wrong" });
  await refused(wrong.oauth.clientCredentialsGrant({ audience }), 401, "access_denied");
});
await check(`${name}: client credentials by private key`, async () => {
  const { data } = await new v4.AuthenticationClient(key).oauth.clientCredentialsGrant({ audience });
  assert.ok(data.access_token);
});
await check(`${name}: password realm, ID token verified, refresh, user info`, async () => {
  const { data } = await login.oauth.passwordGrant({ ...ann, scope: "openid profile email offline_access" });
  assert.ok(data.access_token && data.id_token && data.refresh_token);
  const again = await login.oauth.refreshTokenGrant({ refresh_token: data.refresh_token });
  assert.ok(again.data.access_token);
  const info = await new v4.UserInfoClient({ domain }).getUserInfo(data.access_token);
  assert.equal(info.data.sub, "auth0|ann");
  assert.equal(info.data.email, "ann@example.com");
  await login.oauth.revokeRefreshToken({ token: data.refresh_token });
  await refused(login.oauth.refreshTokenGrant({ refresh_token: data.refresh_token }), 403, "invalid_grant");
});
await check(`${name}: password realm, wrong password`, async () => {
  await refused(login.oauth.passwordGrant({ ...ann, password: "wrong" }), 403, "invalid_grant");
});
await check(`${name}: sign-up and change of password`, async () => {
  const { data } = await login.database.signUp({ email: "up@example.com", password: "Secret-123!", connection: "people" });
  assert.equal(data.email, "up@example.com");
  const sent = await login.database.changePassword({ email: "up@example.com", connection: "people" });
  assert.equal(typeof sent.data, "string");
});
await check(`${name}: pushed authorization request`, async () => {
  const { data } = await login.oauth.pushedAuthorization({ client_id: tenant.client_id, response_type: "code", redirect_uri: "https://app.example/callback" });
  assert.match(data.request_uri, /^urn:/);
});

console.log(`${passed} passed, ${failed} failed (node ${process.version})`);
process.exitCode = failed === 0 ? 0 : 1;
