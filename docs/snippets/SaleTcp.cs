// A sale over TCP: C# 7, .NET 5 and newer, .NET Framework 4.5 and newer, Mono. No packages.
//
// Was run: with Mono 6.8, against the agent and the sandbox, by the project's tests - a plain sale, the agent killed in the middle, this
// program killed in the middle. With .NET itself it was not run; it uses nothing that .NET has not.
//
//     mcs -r:System.Runtime.Serialization SaleTcp.cs      (.NET: dotnet new console, and this as its Program.cs)
//     printf '%s %s' "$CARD_SESSION" "$TILL_TOKEN" | mono SaleTcp.exe S12-000345
//
// On the command line: the order's number. On standard input: what Koshelek's card library has made of the customer's code, and the till's
// token. They are secrets: never store them, never put them on a command line. Started again after a crash, the program finishes the sale
// that its disk holds, and needs no input; if the disk has lost it, the till's last sale that was not confirmed. Its status is then that
// sale's.
//
// Its exit status: 0 paid, 3 not paid, 4 not known (the sale stays on the disk and is asked for at the next start: call a person),
// 5 refused: nothing was accepted, and the message says why - it may be that the order is paid already.
using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Sockets;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Threading;

#pragma warning disable 0649 // JSON fills these fields

[DataContract] class Item
{
    [DataMember] public string name, article, tax;
    [DataMember] public long price, quantity, totalAmount; // money is in kopecks, a whole number
}

[DataContract] class Bill
{
    [DataMember] public string orderId;
    [DataMember] public long totalAmount;
    [DataMember] public Item[] items;
}

[DataContract] class Buyer
{
    [DataMember] public string loyaltyId;
}

// All parameters of the methods that are used here. What is null is not sent.
[DataContract] class Parameters
{
    [DataMember(EmitDefaultValue = false)] public string storeId, terminalId, key, cardSession, token;
    [DataMember(EmitDefaultValue = false)] public Bill checkoutInvoice;
    [DataMember(EmitDefaultValue = false)] public Buyer user;
    [DataMember(EmitDefaultValue = false)] public int wait;
}

[DataContract] class Request
{
    [DataMember] public string jsonrpc = "2.0", method;
    [DataMember] public int id;
    [DataMember(Name = "params")] public Parameters parameters;
}

[DataContract] class Slip
{
    [DataMember] public Dictionary<string, string> text;
}

// Fields that are not named here are ignored.
[DataContract] class Answer
{
    [DataMember] public string key, state, message, next;
    [DataMember] public bool finished, confirmed;
    [DataMember] public bool? success;
    [DataMember] public Slip slip;
}

[DataContract] class ErrorData
{
    [DataMember] public string code, message;
}

[DataContract] class Error
{
    [DataMember] public string message;
    [DataMember] public ErrorData data;
}

[DataContract] class Response
{
    [DataMember] public int? id;
    [DataMember] public Answer result;
    [DataMember] public Error error;
}

// What the register keeps on its disk of an open sale: no secrets.
[DataContract] class Record
{
    [DataMember] public string key;
    [DataMember] public Bill bill;
    [DataMember] public Answer answer;
}

// An error of the agent. Code is for programs, Message for the cashier.
class Refused : Exception
{
    public readonly string Code;
    public bool Doubt; // whether it was sent before, and may have been carried out then
    public Refused(Error error) : base(error.data.message ?? error.message) { Code = error.data.code; } // the latter is the programmer's
}

static class Json
{
    static DataContractJsonSerializer For(Type type)
    {
        return new DataContractJsonSerializer(type, new DataContractJsonSerializerSettings { UseSimpleDictionaryFormat = true });
    }

    public static byte[] Write(object value)
    {
        using (var stream = new MemoryStream())
        {
            For(value.GetType()).WriteObject(stream, value);
            return stream.ToArray();
        }
    }

    public static T Read<T>(byte[] text)
    {
        using (var stream = new MemoryStream(text)) return (T)For(typeof(T)).ReadObject(stream);
    }
}

static class Program
{
    static readonly int Port = int.Parse(Environment.GetEnvironmentVariable("AGENT_PORT") ?? "7431");
    static readonly string TokenFile = Environment.GetEnvironmentVariable("AGENT_TOKEN_FILE") ?? "/etc/kassa/agent.token";
    const string Disk = "open-sale.json"; // the register's own disk
    static readonly string[] Repeat = { "BUSY", "DISK_FULL", "INTERNAL", "LIMIT" }; // not now, or not known: the same request again

    static TcpClient connection;
    static StreamReader answers;
    static int number;

    static void Connect()
    {
        connection = new TcpClient { ReceiveTimeout = 15000, SendTimeout = 15000 }; // the longest wait, and ten seconds more
        connection.Connect("127.0.0.1", Port);
        answers = new StreamReader(connection.GetStream(), new UTF8Encoding(false));
        Talk("session.open", new Parameters { token = File.ReadAllText(TokenFile).Trim() });
    }

    static Answer Talk(string method, Parameters parameters)
    {
        number += 1;
        var line = Json.Write(new Request { id = number, method = method, parameters = parameters });
        connection.GetStream().Write(line, 0, line.Length);
        connection.GetStream().WriteByte((byte)'\n');
        var text = answers.ReadLine();
        if (text == null) throw new IOException("the connection is lost");
        var response = Json.Read<Response>(Encoding.UTF8.GetBytes(text));
        if (response.error != null) throw new Refused(response.error);
        return response.result;
    }

    // One request, one answer. Throws when the connection is lost.
    static Answer Ask(string method, Parameters parameters)
    {
        if (connection == null) Connect();
        parameters.storeId = "S12";
        parameters.terminalId = "till-03";
        return Talk(method, parameters);
    }

    // After any doubt the same request again, with the same key, on a new connection. Nothing is done twice.
    static Answer Insist(string method, Parameters parameters)
    {
        for (var doubt = false; ; doubt = true)
        {
            try
            {
                return Ask(method, parameters);
            }
            catch (Refused error) when (Array.IndexOf(Repeat, error.Code) < 0)
            {
                error.Doubt = doubt;
                throw;
            }
            catch (Exception error)
            {
                Console.Error.WriteLine((error is Refused ? "not now, asking again: " : "no answer, asking again: ") + error.Message);
                if (connection != null) connection.Close();
                connection = null;
            }
            Thread.Sleep(1000);
        }
    }

    // Whole or not at all, and on the disk before we go on. .NET has no call that puts the folder on the disk as well: a power cut may undo
    // the new name, and with it the memory of this sale. So a program whose disk is empty asks for the till's last one: Forgotten().
    static void Store(Record record)
    {
        var text = Json.Write(record);
        using (var file = new FileStream(Disk + ".new", FileMode.Create))
        {
            file.Write(text, 0, text.Length);
            file.Flush(true);
        }
        if (File.Exists(Disk)) File.Replace(Disk + ".new", Disk, null);
        else File.Move(Disk + ".new", Disk);
    }

    static int Sell(Bill bill, string cardSession, string token)
    {
        // A new wish to take money is a new key; an order's number may be no key at all.
        var key = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + "-" + Guid.NewGuid();
        Store(new Record { key = key, bill = bill }); // before anything is sent
        var buyer = new Buyer { loyaltyId = "2900000012345" };
        var checkout = new Parameters { key = key, checkoutInvoice = bill, user = buyer, cardSession = cardSession, token = token };
        Answer answer;
        try
        {
            answer = Insist("checkout.create", checkout);
        }
        catch (Refused error)
        {
            Console.Error.WriteLine(error.Message);
            if (error.Code == "INVALID" && !error.Doubt) return Forget(key); // sent once, and no request: nothing can have been accepted
            return Settle(key); // this request was refused; one before it, whose answer was lost, may have been accepted
        }
        return Finish(key, answer);
    }

    static int Finish(string key, Answer answer)
    {
        while (!answer.finished && answer.next == "poll")
        {
            Console.Error.WriteLine(answer.message); // the cashier's screen; a button there may send checkout.cancel
            answer = Insist("checkout.get", new Parameters { key = key, wait = 1 });
        }
        if (!answer.finished)
        {
            Console.Error.WriteLine(answer.message); // next: person. Do not take the money again
            return 4;
        }
        Store(new Record { key = key, answer = answer });
        Console.WriteLine(answer.success == true ? answer.slip.text["42"] : answer.message); // the printer
        Insist("checkout.confirm", new Parameters { key = key });
        File.Delete(Disk);
        return answer.success == true ? 0 : 3;
    }

    // How our sale stands. It is asked for, never made again: the card session is gone. Only NOT_FOUND of a get says that it was not
    // accepted; after any other error that is not known, and the sale stays on our disk.
    static int Settle(string key)
    {
        foreach (var pause in new[] { 5000, 0 })
        {
            Answer answer;
            try
            {
                answer = Insist("checkout.get", new Parameters { key = key });
            }
            catch (Refused error) when (error.Code == "NOT_FOUND")
            {
                Thread.Sleep(pause); // it may still be on its way; asked twice, it was never accepted
                continue;
            }
            return Finish(key, answer);
        }
        return Forget(key);
    }

    static int Forget(string key)
    {
        Console.Error.WriteLine("the agent has not accepted " + key + ": no money was taken by it");
        File.Delete(Disk);
        return 5;
    }

    // The sale that our disk has lost, if it has: the till's last one, when its end was not confirmed.
    static Answer Forgotten()
    {
        try
        {
            var last = Insist("operation.last", new Parameters());
            return last.confirmed ? null : last;
        }
        catch (Refused error) when (error.Code == "NOT_FOUND")
        {
            return null; // the till has none yet
        }
    }

    static int Main(string[] arguments)
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        try
        {
            if (File.Exists(Disk))
            {
                Console.Error.WriteLine("the sale on the disk is finished first");
                return Settle(Json.Read<Record>(File.ReadAllBytes(Disk)).key);
            }
            var last = Forgotten();
            if (last != null)
            {
                Console.Error.WriteLine("the till's last sale is finished first");
                Store(new Record { key = last.key });
                return Finish(last.key, last);
            }
            if (arguments.Length != 1)
            {
                Console.Error.WriteLine("usage: SaleTcp.exe ORDER");
                return 2;
            }
            var secrets = Console.In.ReadToEnd().Split();
            var milk = new Item { name = "Milk", article = "100300", price = 9000, quantity = 3, totalAmount = 27000, tax = "vat10" };
            return Sell(new Bill { orderId = arguments[0], totalAmount = 27000, items = new[] { milk } }, secrets[0], secrets[1]);
        }
        catch (Refused error)
        {
            Console.Error.WriteLine(error.Message);
            return 4;
        }
    }
}
