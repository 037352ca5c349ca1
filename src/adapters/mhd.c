/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <holdfast/mhd.h>

/* key and answer point into the arrays below: what the caller's options pointed to may be gone. */
struct hf_mhd {
    struct hf_guard *guard;
    struct hf_http_key_options key;
    struct hf_http_answer_options answer;
    struct hf_clock clock;
    struct hf_allocator allocator;
    struct hf_cidr trusted[HF_HTTP_TRUSTED_MAX];
    char header[HF_HTTP_NAME_BYTES_MAX + 1];
    char policy[HF_HTTP_POLICY_BYTES_MAX + 1];
};

/* The options have been checked, so everything fits. */
static void copy_options(struct hf_mhd *endpoint, const struct hf_mhd_options *options)
{
    endpoint->guard = options->guard;
    endpoint->clock = options->clock;
    endpoint->key = options->key;
    endpoint->answer = options->answer;
    if (options->key.trusted_count > 0) {
        memcpy(endpoint->trusted, options->key.trusted,
            options->key.trusted_count * sizeof(endpoint->trusted[0]));
        endpoint->key.trusted = endpoint->trusted;
    }
    if (options->key.header)
        endpoint->key.header = strcpy(endpoint->header, options->key.header);
    if (options->answer.policy)
        endpoint->answer.policy = strcpy(endpoint->policy, options->answer.policy);
}

static enum hf_status check_options(const struct hf_mhd_options *options, struct hf_error *error)
{
    if (!options || !options->guard)
        return hf_error_add(error, HF_INVALID, 0, "%s: NULL", options ? "guard" : "options");
    enum hf_status status = hf_http_key_options_check(&options->key, error);
    return status == HF_OK ? hf_http_answer_options_check(&options->answer, error) : status;
}

enum hf_status hf_mhd_new(
    struct hf_mhd **endpoint, const struct hf_mhd_options *options, struct hf_error *error)
{
    if (!endpoint)
        return hf_error_add(error, HF_INVALID, 0, "endpoint: NULL");
    *endpoint = NULL;
    enum hf_status status = check_options(options, error);
    if (status != HF_OK)
        return status;
    const struct hf_allocator *allocator =
        options->allocator ? options->allocator : hf_allocator_libc();
    struct hf_mhd *made = hf_allocate(allocator, sizeof(struct hf_mhd), _Alignof(struct hf_mhd));
    if (!made)
        return hf_error_add(error, HF_NO_MEMORY, 0, "endpoint: no memory");
    made->allocator = *allocator;
    copy_options(made, options);
    *endpoint = made;
    return HF_OK;
}

void hf_mhd_free(struct hf_mhd *endpoint)
{
    if (!endpoint)
        return;
    struct hf_allocator allocator = endpoint->allocator;
    hf_release(&allocator, endpoint, sizeof(*endpoint), _Alignof(struct hf_mhd));
}

struct hf_ip hf_mhd_peer(struct MHD_Connection *connection)
{
    struct hf_ip ip = {.version = 0};
    char text[INET6_ADDRSTRLEN] = "";
    if (!connection)
        return ip;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    if (address && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof(text));
    if (address && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof(text));
    /* By way of the text an IPv4 client of a socket for both versions becomes IPv4 again; without a
     * text the version stays 0. */
    return hf_ip_parse(hf_bytes(text, strlen(text)), &ip) == HF_OK ? ip : (struct hf_ip){0};
}

struct field_search {
    const char *name;
    size_t name_size;
    size_t skip; /* Fields of that name before the one looked for. */
    bool found;
    struct hf_bytes value;
};

static enum MHD_Result visit_field(void *context, enum MHD_ValueKind kind, const char *name,
    size_t name_size, const char *value, size_t value_size)
{
    struct field_search *search = context;
    (void)kind;
    if (name_size != search->name_size || strncasecmp(name, search->name, name_size) != 0)
        return MHD_YES;
    if (search->skip > 0) {
        search->skip--;
        return MHD_YES;
    }
    search->found = true;
    search->value = hf_bytes(value, value_size);
    return MHD_NO;
}

static bool request_field(void *context, const char *name, size_t index, struct hf_bytes *value)
{
    struct field_search search = {.name = name, .name_size = strlen(name), .skip = index};
    MHD_get_connection_values_n(context, MHD_HEADER_KIND, visit_field, &search);
    if (search.found)
        *value = search.value;
    return search.found;
}

struct hf_http_message hf_mhd_message(struct MHD_Connection *connection)
{
    if (!connection)
        return (struct hf_http_message){.field = NULL};
    return (struct hf_http_message){
        .peer = hf_mhd_peer(connection), .field = request_field, .context = connection};
}

/* Only memory can be short here; an answer that lacks a field is better than none. */
static void add_fields(struct MHD_Response *response, const struct hf_http_answer *answer)
{
    for (size_t index = 0; index < answer->fields_count; index++)
        (void)MHD_add_response_header(
            response, answer->fields[index].name, answer->fields[index].value);
}

enum MHD_Result hf_mhd_answer(
    struct MHD_Connection *connection, const struct hf_http_answer *answer)
{
    if (!connection || !answer || answer->status == 0)
        return MHD_NO;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body_bytes, (void *)answer->body, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    add_fields(response, answer);
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct hf_mhd *endpoint, struct MHD_Connection *connection,
    enum hf_status status, const struct hf_guard_report *report)
{
    struct hf_http_answer answer;
    enum hf_status worked = hf_http_answer(&endpoint->answer, status,
        report ? &report->decision : NULL, report ? report->retry_after_ns : 0, &answer);
    return worked == HF_OK ? hf_mhd_answer(connection, &answer) : MHD_NO;
}

/* Without a time limit the guard never asks to wait before the first try, so anything but HF_OK is
 * the end. */
enum hf_status hf_mhd_enter(struct hf_mhd *endpoint, struct MHD_Connection *connection,
    struct hf_mhd_run *run, enum MHD_Result *result)
{
    if (result)
        *result = MHD_NO;
    if (!endpoint || !connection || !run || !result)
        return HF_INVALID;
    struct hf_http_message message = hf_mhd_message(connection);
    enum hf_status status = hf_http_key(&endpoint->key, &message, &run->key);
    if (status != HF_OK) {
        *result = refuse(endpoint, connection, status, NULL);
        return status;
    }
    const struct hf_guard_request request = {
        .key = hf_bytes(run->key.bytes, run->key.size), .retry_never = true};
    uint64_t delay_ns;
    status = hf_guard_begin(
        &run->guard_run, endpoint->guard, &request, hf_clock_now_ns(&endpoint->clock), &delay_ns);
    if (status != HF_OK)
        *result = refuse(endpoint, connection, status, &run->guard_run.report);
    return status;
}

enum MHD_Result hf_mhd_leave(struct hf_mhd *endpoint, struct MHD_Connection *connection,
    struct hf_mhd_run *run, unsigned status, struct MHD_Response *response)
{
    if (!endpoint || !connection || !run || !response)
        return MHD_NO;
    struct hf_http_answer told;
    if (hf_http_answer(&endpoint->answer, HF_OK, &run->guard_run.report.decision, 0, &told) ==
        HF_OK)
        add_fields(response, &told);
    int32_t code = (int32_t)status;
    struct hf_outcome outcome =
        status >= 500 ? hf_permanent(code) : hf_outcome(HF_SUCCESS, code, 0);
    uint64_t delay_ns;
    enum hf_status ended =
        hf_guard_done(&run->guard_run, outcome, hf_clock_now_ns(&endpoint->clock), &delay_ns);
    (void)ended; /* One try: over, whatever it came to. */
    return MHD_queue_response(connection, status, response);
}

void hf_mhd_cancel(struct hf_mhd *endpoint, struct hf_mhd_run *run)
{
    if (endpoint && run)
        hf_guard_cancel(&run->guard_run, hf_clock_now_ns(&endpoint->clock));
}
