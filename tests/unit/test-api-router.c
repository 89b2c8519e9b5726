#include "api/router.h"
#include "unit.h"

static const char *components_are_taken_out(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const char *params[4] = {0};
    CHECK(router_matches("/containers/{}/checkpoints/{}", "/containers/a/checkpoints/b", arena,
                         params));
    CHECK_TEXT(params[0], "a");
    CHECK_TEXT(params[1], "b");
    CHECK(!router_matches("/containers/{}/json", "/containers//json", arena, params));
    CHECK(!router_matches("/containers/{}/json", "/containers/a/b/json", arena, params));
    CHECK(!router_matches("/containers/{}/json", "/containers/a/jso", arena, params));
    CHECK(!router_matches("/containers/{}", "/containers/a/", arena, params));
    return NULL;
}

static const char *image_names_have_slashes(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const char *params[4] = {0};
    CHECK(router_matches("/images/{*}/json", "/images/a/b:c/json", arena, params));
    CHECK_TEXT(params[0], "a/b:c");
    CHECK(router_matches("/images/{*}/json", "/images/json/json", arena, params));
    CHECK_TEXT(params[0], "json");
    CHECK(!router_matches("/images/{*}/json", "/images/json", arena, params));
    CHECK(!router_matches("/images/{*}/json", "/images//json", arena, params));
    return NULL;
}

static int answer(struct request *request, struct error *e)
{
    (void)request, (void)e;
    return 0;
}

static const struct route routes[] = {{"POST", "/_ping"}, {"GET", "/_ping", answer}, {0}};

static const struct route *find(struct arena *arena, const char *path, int *version, int *status)
{
    struct request request = {.arena = arena, .method = "GET", .path = path};
    const struct route *route = router_find(routes, &request);
    *version = request.version;
    *status = request.reply.status;
    return route;
}

static const char *versions_are_optional_and_limited(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    int version, status;
    CHECK(find(arena, "/_ping", &version, &status)->handle == answer && version == 43);
    CHECK(find(arena, "/v1.24/_ping", &version, &status)->handle == answer && version == 24);
    CHECK(!find(arena, "/v1.23/_ping", &version, &status) && status == 400);
    CHECK(!find(arena, "/v1.44/_ping", &version, &status) && status == 400);
    CHECK(!find(arena, "/v99999999999999999999.1/_ping", &version, &status) && status == 400);
    CHECK(!find(arena, "/v2/_ping", &version, &status) && status == 404);
    CHECK(!find(arena, "/v1.24", &version, &status) && status == 404);
    CHECK(!find(arena, "", &version, &status) && status == 404);
    return NULL;
}

int main(void)
{
    TEST(components_are_taken_out);
    TEST(image_names_have_slashes);
    TEST(versions_are_optional_and_limited);
    return 0;
}
