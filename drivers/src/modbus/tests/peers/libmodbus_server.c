/* A Modbus TCP server of libmodbus: libmodbus_server PORT. One process per connection.
 *
 * Holding and input 0..199 hold 3 * address + 1; coil 3 and discrete input 9 are on. 1000 + 10 * code answers with that
 * exception, 2000 after two seconds, 2001 after one. 3000.. hold 27.5 as float32 in the orders ABCD, CDAB, BADC, DCBA:
 * the words that libmodbus itself reads so (its functions that write them swap the bytes in some releases). */
#include <modbus/modbus.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void serve(modbus_t *ctx, modbus_mapping_t *map) {
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        int length = modbus_receive(ctx, query);
        if (length == -1) return;
        if (length == 0) continue;
        int at = modbus_get_header_length(ctx);
        int address = query[at + 1] << 8 | query[at + 2];
        if (query[at] == 3 && address > 1000 && address < 1200) {
            if (modbus_reply_exception(ctx, query, (unsigned)(address - 1000) / 10) == -1) return;
            continue;
        }
        if (query[at] == 3 && address == 2000) sleep(2);
        if (query[at] == 3 && address == 2001) sleep(1);
        if (modbus_reply(ctx, query, length, map) == -1) return;
    }
}

static void order(uint16_t *at, float (*get)(const uint16_t *)) {
    const uint16_t words[4][2] = {{0x41DC, 0}, {0, 0x41DC}, {0xDC41, 0}, {0, 0xDC41}};
    for (int i = 0; i < 4; i++) {
        if (get(words[i]) == 27.5f) {
            at[0] = words[i][0];
            at[1] = words[i][1];
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    signal(SIGCHLD, SIG_IGN);
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_mapping_t *map = modbus_mapping_new(64, 64, 4000, 4000);
    if (!ctx || !map) return 1;
    for (int i = 0; i < 200; i++) map->tab_registers[i] = map->tab_input_registers[i] = (uint16_t)(3 * i + 1);
    map->tab_registers[2000] = 42;
    map->tab_registers[2001] = 43;
    map->tab_bits[3] = map->tab_input_bits[9] = 1;
    order(map->tab_registers + 3000, modbus_get_float_abcd);
    order(map->tab_registers + 3002, modbus_get_float_cdab);
    order(map->tab_registers + 3004, modbus_get_float_badc);
    order(map->tab_registers + 3006, modbus_get_float_dcba);
    int listener = modbus_tcp_listen(ctx, 16);
    if (listener == -1) return 1;
    for (;;) {
        if (modbus_tcp_accept(ctx, &listener) == -1) continue;
        if (fork() == 0) {
            close(listener);
            serve(ctx, map);
            return 0;
        }
        /* Not modbus_close: it would end the connection for the child too. */
        close(modbus_get_socket(ctx));
        modbus_set_socket(ctx, -1);
    }
}
